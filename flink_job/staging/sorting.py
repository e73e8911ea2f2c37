"""Sorts lines by time outside of memory: sorted runs on disk, which are merged.

Those of one time stay in their order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

import numpy as np

_DIGITS: Final = 20  # before each line of a run: its time, so that text and number go alike
_RUN_BYTES: Final = 64 * 1024 * 1024
_MOST_RUNS: Final = 128  # files that are open at once
_BUFFER_BYTES: Final = 256 * 1024
_TOLD_EVERY: Final = 10_000

TimedLine = tuple[int, bytes]  # a time of 0 or more, and a line with its end


def in_order(
    lines: Iterable[TimedLine],
    folder: Path,
    progress: Callable[[int], None],
    run_bytes: int = _RUN_BYTES,
) -> Iterator[bytes]:
    """The lines in the order of their times; runs of about `run_bytes` lie in `folder` meanwhile.

    `progress` is told as lines are sorted into runs, and as they are merged, how many more.
    """
    with ExitStack() as opened:
        runs: list[BinaryIO] = []
        for sorted_run in _runs(iter(lines), run_bytes):
            progress(len(sorted_run))
            if len(runs) == _MOST_RUNS:
                runs = [_written(_merged(runs), opened, folder)]
            runs.append(_written(sorted_run, opened, folder))
        merged = _merged(runs)
        while some := list(islice(merged, _TOLD_EVERY)):
            yield from (line[_DIGITS:] for line in some)
            progress(len(some))


def _runs(lines: Iterator[TimedLine], run_bytes: int) -> Iterator[list[bytes]]:
    """Sorted lines, each with its time before it, of as many as fit into memory."""
    while run := _some(lines, run_bytes):
        order = np.argsort(np.array([time for time, _ in run], np.int64), kind="stable")
        yield [b"%0*d%b" % (_DIGITS, *run[at]) for at in order.tolist()]


def _some(lines: Iterator[TimedLine], run_bytes: int) -> list[TimedLine]:
    run, size = [], 0
    for timed in lines:
        run.append(timed)
        size += len(timed[1])
        if size >= run_bytes:
            break
    return run


def _written(lines: Iterable[bytes], opened: ExitStack, folder: Path) -> BinaryIO:
    run = TemporaryFile(dir=folder, buffering=_BUFFER_BYTES)  # noqa: SIM115 - `opened` closes it
    file = opened.enter_context(run)
    file.writelines(lines)
    file.seek(0)
    return cast(BinaryIO, file)


def _merged(runs: Iterable[BinaryIO]) -> Iterator[bytes]:
    return heapq.merge(*runs, key=lambda line: line[:_DIGITS])
