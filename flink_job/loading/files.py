"""Loads files of events into a Kafka topic, keyed by user, in the order of the files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from kafka.errors import MessageSizeTooLargeError

from flink_job.config.model import FileSource
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.loading.outbox import Outbox
from flink_job.loading.pacing import Pace
from flink_job.staging.files import expanded
from flink_job.staging.formats import check_name
from flink_job.staging.reading import open_bytes, read
from flink_job.staging.sought import NOTHING_SOUGHT, Sought
from operators.base.errors import UsageError

_CHUNK: Final = 1_000  # records read together
_SHORTEST_WAIT_S: Final = 0.001


@dataclass(frozen=True)
class Loaded:
    """How many records were sent, how many of them without a key, and how many were not."""

    sent: int
    keyless: int
    too_large: int


@dataclass(frozen=True)
class Waiting:
    """When to wait for an event, by which clock (seconds), and what ends it all early."""

    pace: Pace
    clock: Callable[[], float]
    stop: threading.Event


class EventFiles:
    """Files of events, and how many bytes on disk, of `size`, have been read.

    Raises:
        UsageError: one is not there, or the format of one is not known.
    """

    def __init__(
        self, paths: Sequence[Path], source: FileSource, sought: Sought = NOTHING_SOUGHT
    ) -> None:
        self._paths = expanded([str(path) for path in paths])
        for path in self._paths:
            if source.format is None:
                check_name(str(path))
        self._source = source
        self._sought = sought
        self._done = 0
        self._reading: BinaryIO | None = None
        self.size = sum(path.stat().st_size for path in self._paths)

    def records(self) -> Iterator[bytes]:
        """The raw events of all files.

        Raises:
            UsageError: a file can't be read, or has no header.
        """
        for path in self._paths:
            yield from read(path, self._source, self._open, self._sought)
            self._reading = None
            self._done += path.stat().st_size

    def bytes_read(self) -> int:
        """How far `records` has come."""
        reading = self._reading
        return self._done + (0 if reading is None or reading.closed else reading.tell())

    def _open(self, path: Path) -> BinaryIO:
        self._reading = open_bytes(path)
        return self._reading


class Loader:
    """Sends raw events to an outbox, each when it is due; `progress` is told as it goes."""

    def __init__(
        self,
        reader: KeysAndTimes,
        outbox: Outbox,
        waiting: Waiting,
        progress: Callable[[Loaded], None],
    ) -> None:
        self._reader = reader
        self._outbox = outbox
        self._waiting = waiting
        self._progress = progress
        self._started_s: float | None = None  # when the first event is due
        self._sent = self._keyless = self._too_large = 0

    def load(self, records: Iterator[bytes]) -> None:
        """Send records until they end or it is to stop, and wait until all have arrived.

        A record whose user can't be read goes without a key: the job makes a dead letter of it.
        One that is larger than the topic takes is passed over and counted.

        Raises:
            UsageError: a file can't be read; what was read before it has arrived.
            FlockwiseError: Kafka did not take a record.
        """
        try:
            while chunk := list(islice(records, _CHUNK)):
                if not self._send_all(chunk):
                    break
                self._progress(self.loaded)
        except UsageError:
            self._outbox.flush()
            raise
        self._outbox.flush()

    @property
    def loaded(self) -> Loaded:
        """What has become of the records."""
        return Loaded(self._sent, self._keyless, self._too_large)

    def _send_all(self, chunk: Sequence[bytes]) -> bool:
        reader, pace = self._reader, self._waiting.pace
        keyed = zip(reader.keys(chunk), reader.times_us(chunk), chunk, strict=True)
        for key, time_us, value in keyed:
            if not self._wait(pace(time_us)):
                return False
            self._send(key, value)
        return True

    def _wait(self, due_s: float) -> bool:
        """Wait until an event is due; False if it is to stop."""
        now_s = self._waiting.clock()
        if self._started_s is None:
            self._started_s = now_s
        ahead_s = self._started_s + due_s - now_s
        if ahead_s >= _SHORTEST_WAIT_S:
            self._progress(self.loaded)
            self._waiting.stop.wait(ahead_s)
        return not self._waiting.stop.is_set()

    def _send(self, key: bytes | None, value: bytes) -> None:
        try:
            self._outbox.send(key, value)
        except MessageSizeTooLargeError:
            self._too_large += 1
        else:
            self._sent += 1
            self._keyless += key is None
