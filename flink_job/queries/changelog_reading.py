"""Reads a changelog to its end and, when it is asked again, on from there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.kafka_client.reading import TopicReader, topic_reader
from flink_job.kafka_client.topics import Topics
from flink_job.plan import Plan
from flink_job.queries.numbered import NumberedTexts
from flink_job.queries.recorded import Said
from flink_job.stores.changelog_view import RawRecord
from operators.base.errors import PreflightError
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    transition_decoder,
)

_Decoder = msgspec.json.Decoder[Assignment] | msgspec.json.Decoder[Transition]
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)


class ChangelogReader(Protocol):
    """A changelog, log by log; `unreadable` counts records that are none of flockwise's.

    `cut`: the oldest transitions are gone. `tombstones`: a forgotten user's last record is
    followed by one without a value.
    """

    unreadable: int
    cut: bool
    tombstones: bool

    @abstractmethod
    def read_on(self) -> Iterator[tuple[int, Said]]:
        """The committed records that were not read yet, each with the number of its log.

        Raises:
            PreflightError: the changelog can't be read.
        """
        ...


@contextmanager
def opened(plan: Plan) -> Iterator[ChangelogReader]:
    """The changelog of a plan.

    Raises:
        UsageError: an environment variable is not set.
        PreflightError: the changelog can't be read.
    """
    topics, broker, folder = (
        plan.kafka.topics(),
        plan.kafka.output_broker(),
        plan.paths.output_folder(),
    )
    if broker is not None:
        with topic_reader(broker, [topics.transitions, topics.assignments]) as reader:
            yield _TopicsReader(reader, topics)
    else:
        assert folder is not None  # a configuration has one of the two
        yield _FolderReader(folder, topics)


class _Decoding:
    """Records as they lie there, decoded."""

    def __init__(self) -> None:
        self.unreadable = 0

    def decoded(self, decoder: _Decoder, record: RawRecord) -> Iterator[Said]:
        """The record; none if it is none of flockwise's."""
        key, value = record
        try:
            if value is not None:
                yield decoder.decode(value)
            elif key is not None and decoder is assignment_decoder:
                yield key.decode()
            else:
                self.unreadable += 1
        except _UNREADABLE:
            self.unreadable += 1


class _TopicsReader(_Decoding, ChangelogReader):
    """Two topics; a log is a partition."""

    tombstones = True

    def __init__(self, reader: TopicReader, topics: Topics) -> None:
        super().__init__()
        self._reader = reader
        self._decoders: dict[str, _Decoder] = {
            topics.transitions: transition_decoder,
            topics.assignments: assignment_decoder,
        }
        self._logs: dict[tuple[str, int], int] = {}
        self.cut = reader.has_lost_records(topics.transitions)

    def read_on(self) -> Iterator[tuple[int, Said]]:
        for record in self._reader.read_on():
            log = self._logs.setdefault((record.topic, record.partition), len(self._logs))
            decoder = self._decoders[record.topic]
            for told in self.decoded(decoder, (record.key, record.value)):
                yield log, told


class _FolderReader(_Decoding, ChangelogReader):
    """Two folders; a log is a file, which does not change any more."""

    tombstones = False
    cut = False

    def __init__(self, folder: Path, topics: Topics) -> None:
        super().__init__()
        self._folder = folder
        self._decoders: dict[str, _Decoder] = {
            topics.transitions: transition_decoder,
            topics.assignments: assignment_decoder,
        }
        self._files = NumberedTexts()

    def read_on(self) -> Iterator[tuple[int, Said]]:
        if not self._folder.is_dir():
            raise PreflightError(f"{self._folder}: there is no output yet: a run makes it")
        try:
            for name, decoder in self._decoders.items():
                for path in committed_files(self._folder / name):
                    yield from self._read(path, decoder)
        except OSError as error:
            raise PreflightError(f"{self._folder} can't be read: {error}") from error

    def _read(self, path: Path, decoder: _Decoder) -> Iterator[tuple[int, Said]]:
        read = len(self._files)
        log = self._files.number(str(path))
        if log < read:
            return
        with path.open("rb") as lines:
            for line in lines:
                for told in self.decoded(decoder, (None, line)):
                    yield log, told
