"""Where dead letters are replayed to: the topic of events, or a file that a run can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from flink_job.deadletters.offsets import Book, GroupBook, ReplayPositions
from flink_job.deadletters.reading import Letter
from flink_job.deadletters.replaying import Refusal
from flink_job.kafka_client.transactions import Transactions
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.loading.outbox import Outbox
from flink_job.runtime.atomic import whole_file
from operators.base.errors import UsageError

_OVERHEAD_BYTES: Final = 128  # of a record in Kafka, beside key and value

_NOT_WHOLE: Final = "only its beginning was kept"
_A_ROW: Final = "a row of CSV without its header: mend the file and load it again"


class KafkaTarget:
    """The topic of events; letters get the keys that they had, or with `reader` their users.

    Letters and places go in one transaction. Where the letters don't lie in the Kafka of the
    events, the places follow, and a crash in between repeats the letters of one batch.
    """

    def __init__(
        self,
        outbox: Outbox,
        transactions: Transactions,
        book: Book,
        reader: KeysAndTimes | None,
        *,
        one_kafka: bool,
    ) -> None:
        self._outbox = outbox
        self._transactions = transactions
        self._book = book
        self._group = book if one_kafka and isinstance(book, GroupBook) else None
        self._reader = reader

    def deliver(self, letters: list[Letter], places: ReplayPositions) -> None:
        offsets = {} if self._group is None else self._group.offsets(places)
        if letters or offsets:
            with self._transactions.one(offsets):
                self._send(letters)
        if self._group is None and places:
            self._book.write(places)

    def _send(self, letters: list[Letter]) -> None:
        for letter in letters:
            self._outbox.send(key_of(letter, self._reader), letter.raw)
        self._outbox.flush()


class FileTarget:
    """A file of JSON lines; see `file_target`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.places: ReplayPositions = {}

    def deliver(self, letters: list[Letter], places: ReplayPositions) -> None:
        for letter in letters:
            # In JSON a line end is white space, and in what is no JSON it makes no difference.
            line = (letter.raw or b"").replace(b"\r", b" ").replace(b"\n", b" ")
            self._file.write(line + b"\n")
        self.places = places


@contextmanager
def file_target(path: Path, book: Book) -> Iterator[FileTarget]:
    """A file that is there when it is complete, if it has any lines; then the places are kept.

    Raises:
        UsageError: there is such a file, or it can't be written.
    """
    if path.exists():
        raise UsageError(f"--to: {path} is there already; give another name")
    try:
        with whole_file(path, keep_empty=False) as file:
            target = FileTarget(file)
            yield target
    except OSError as error:
        raise UsageError(f"--to: {path} can't be written: {error.strerror}") from error
    if target.places:
        book.write(target.places)


def key_of(letter: Letter, reader: KeysAndTimes | None) -> bytes | None:
    """The key to replay a letter with: its user if asked for and readable, else the one it had."""
    user = None if reader is None or letter.raw is None else reader.keys([letter.raw])[0]
    return letter.key if user is None else user


def into_kafka(largest: int, reader: KeysAndTimes | None) -> Refusal:
    """Why a topic that takes records of `largest` bytes does not take a letter."""

    def refusal(letter: Letter) -> str | None:
        key, raw = key_of(letter, reader), letter.raw
        if not letter.whole:
            return _not_whole(letter)
        if key is None and raw is None:
            return "neither a key nor a value"
        if len(key or b"") + len(raw or b"") + _OVERHEAD_BYTES > largest:
            return f"larger than the {largest:,} bytes that the topic takes (max.message.bytes)"
        return None

    return refusal


def into_file(letter: Letter) -> str | None:
    """Why a line of a file can't hold a letter."""
    if not letter.whole:
        return _not_whole(letter)
    return None if (letter.raw or b"").strip(b"\r\n") else "no value"


def _not_whole(letter: Letter) -> str:
    return _NOT_WHOLE if letter.record.truncated else _A_ROW
