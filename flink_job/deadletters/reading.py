"""Dead letters as they lie in a Kafka topic or in the files of an output folder."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from operators.base.errors import PreflightError
from operators.contracts.records import DeadLetter, dead_letter_decoder
from operators.events.reasons import Reason

_RAW_LOST: Final = frozenset({Reason.BAD_ROW})  # the raw is a row of CSV, and its header is gone


@dataclass(frozen=True)
class Letter:
    """A dead letter and where it lies: at a position in a part, in the order of writing.

    A part is a partition of the topic, or a committed file, whose positions are its lines.
    """

    part: str
    at: int
    record: DeadLetter

    @property
    def key(self) -> bytes | None:
        """The key of the record that it was made of."""
        return _bytes(self.record.key, self.record.key_base64)

    @property
    def raw(self) -> bytes | None:
        """The value of the record that it was made of; None for one without a value."""
        return _bytes(self.record.raw, self.record.raw_base64)

    @property
    def whole(self) -> bool:
        """Whether it holds all of the record that it was made of."""
        return not self.record.truncated and self.record.reason not in _RAW_LOST


class Letters(Protocol):
    """All dead letters of a run; `unreadable` counts what lies there and is none."""

    unreadable: int

    def __iter__(self) -> Iterator[Letter]:
        """Every letter, those of a part in order.

        Raises:
            PreflightError: they can't be read.
        """
        ...


class KafkaLetters:
    """The letters in a topic; the part is the number of the partition."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self.unreadable = 0

    def __iter__(self) -> Iterator[Letter]:
        for record in reading.read_to_end(self._broker, [self._topic]):
            found = _decoded(record.value or b"")
            if found is None:
                self.unreadable += 1
            else:
                yield Letter(str(record.partition), record.offset, found)


class FolderLetters:
    """The letters in the committed files of a folder; the part is a file's path below it."""

    def __init__(self, folder: Path, topic: str) -> None:
        self._folder = folder
        self._topic = topic
        self.unreadable = 0

    def __iter__(self) -> Iterator[Letter]:
        if not self._folder.is_dir():
            raise PreflightError(f"{self._folder}: there is no output yet: a run makes it")
        try:
            for path in committed_files(self._folder / self._topic):
                yield from self._letters(path)
        except OSError as error:
            raise PreflightError(f"{self._folder} can't be read: {error}") from error

    def _letters(self, path: Path) -> Iterator[Letter]:
        part = str(path.relative_to(self._folder / self._topic))
        with path.open("rb") as lines:
            for at, line in enumerate(lines):
                found = _decoded(line)
                if found is None:
                    self.unreadable += 1
                else:
                    yield Letter(part, at, found)


def _decoded(value: bytes) -> DeadLetter | None:
    try:
        return dead_letter_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _bytes(text: str | None, base64: str | None) -> bytes | None:
    if base64 is not None:
        return b64decode(base64)
    return None if text is None else text.encode()
