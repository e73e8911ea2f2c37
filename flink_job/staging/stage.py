"""Stages files for the job: one file of raw events, in order, each with its lane's text.

A job that reads many files, some of them tables, some compressed, would have to take rows apart
in the JVM before it could key them, and Flink would read them side by side, out of order. So
they are read once here, where all that they hold is surveyed, and a resumed job finds the same
file again.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

import numpy as np

from flink_job.config.model import FileSource
from flink_job.inspection.survey import Survey
from flink_job.runtime.atomic import whole_file
from flink_job.staging.files import expanded
from flink_job.staging.lines import lines_by_user
from flink_job.staging.reading import read
from flink_job.staging.sorting import TimedLine, in_order
from flink_job.staging.sought import Sought

_CHUNK: Final = 10_000  # records decoded together
_NO_TIME: Final = -1
_OF_NO_EVENT: Final = np.zeros(1, np.int64).tobytes()  # no event is before it


def untold(_: int) -> None:
    """Tell nobody how many more there are."""


@dataclass
class Staging:
    """What staging tells on its way: how many more records were read, and sorted.

    `heard` takes what was found out of how files are written.
    """

    read: Callable[[int], None] = untold
    sorted: Callable[[int], None] = untold
    heard: list[str] = field(default_factory=list)


def stage(
    source: FileSource,
    survey: Survey,
    target: Path,
    staging: Staging,
    roster: Iterator[bytes] = iter(()),  # noqa: B008 - it is empty, and stays so
) -> None:
    """Stage files into `target`, in the order of time unless they are to be taken as they are.

    What they hold goes into the survey. A record without a usable time stays behind the one that
    it was read after. Lines of a `roster` come before all of them.

    Raises:
        UsageError: a file can't be read, or a table has no usable header.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=target.parent) as times:
        with whole_file(target) as file, _compressed(file) as out:
            for line in roster:
                out.write(line)
                times.write(_OF_NO_EVENT)
            for chunk in _chunks(source, survey, staging):
                out.write(_staged(chunk, survey, cast(BinaryIO, times)))
                staging.read(len(chunk))
        if source.order == "time" and survey.steps_back:
            times.seek(0)
            lines = _timed(target, cast(BinaryIO, times))
            with whole_file(target) as file, _compressed(file) as out:
                out.writelines(in_order(lines, target.parent, staging.sorted))


def _chunks(source: FileSource, survey: Survey, staging: Staging) -> Iterator[list[bytes]]:
    sought = Sought.of(survey.wanted)
    values = (
        value
        for path in expanded(source.paths)
        for value in read(path, source, sought=sought, hear=staging.heard.append)
    )
    while chunk := list(islice(values, _CHUNK)):
        yield chunk


def _staged(chunk: list[bytes], survey: Survey, times: BinaryIO) -> bytes:
    """The lines of some records; the time of each is added to `times`."""
    events = survey.add(chunk)
    time_us = np.full(len(chunk), _NO_TIME)
    time_us[events.source] = events.time_us
    times.write(time_us.tobytes())
    return b"".join(lines_by_user(chunk, events))


def _timed(staged: Path, times: BinaryIO) -> Iterator[TimedLine]:
    """The lines of a staged file with their times, or with those of their predecessors."""
    last_us = 0
    with gzip.open(staged, "rb") as lines:
        while block := times.read(_CHUNK * 8):
            for time_us, line in zip(np.frombuffer(block, np.int64).tolist(), lines, strict=False):
                last_us = last_us if time_us == _NO_TIME else time_us
                yield last_us, line


def _compressed(file: BinaryIO) -> gzip.GzipFile:
    return gzip.open(file, "wb", compresslevel=1)
