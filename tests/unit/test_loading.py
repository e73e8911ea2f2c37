"""Records go when they are due, by a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from flink_job.config.model import FileSource
from flink_job.loading.files import EventFiles, Loader, Waiting
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.loading.outbox import Outbox
from flink_job.loading.pacing import Pace, as_it_happened, at_once, evenly
from flink_job.staging.sought import Sought
from operators.events.spec import EventsSpec

START_S = 1_000.0


@dataclass
class Day:
    """A clock that goes on only while somebody waits, and what was sent at which time."""

    now_s: float = START_S
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    stop_after: int | None = None

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def is_set(self) -> bool:
        return len(self.sent) == self.stop_after

    def send(self, _key: bytes | None, value: bytes) -> None:
        self.sent.append((round(self.now_s - START_S, 6), value))

    def flush(self) -> None:
        self.sent.append((round(self.now_s - START_S, 6), b"flushed"))


def load(day: Day, pace: Pace, records: Iterator[bytes]) -> Loader:
    """Load records during a day."""
    waiting = Waiting(pace, day.clock, cast(threading.Event, day))
    events = EventsSpec(time_unit="s", time="at")
    loader = Loader(KeysAndTimes(events), cast(Outbox, day), waiting, lambda _loaded: None)
    loader.load(records)
    return loader


def test_at_a_rate() -> None:
    day = Day()
    load(day, evenly(2), iter([b"a", b"b", b"c"]))
    assert day.sent == [(0, b"a"), (0.5, b"b"), (1, b"c"), (1, b"flushed")]


def test_as_it_happened() -> None:
    day, records = Day(), [b'{"at": 10}', b'{"at": 70}', b"no JSON", b'{"at": 40}', b'{"at": 80}']
    load(day, as_it_happened(10, 10**12), iter(records))
    assert [at for at, _ in day.sent] == [0, 6, 6, 6, 7, 7]


def test_the_clock_begins_with_the_first_event() -> None:
    day = Day()

    def slowly() -> Iterator[bytes]:
        day.wait(60)
        yield from (b"a", b"b")

    load(day, evenly(1), slowly())
    assert [at for at, _ in day.sent] == [60, 61, 61]


def test_a_stop_ends_it_after_what_was_sent() -> None:
    day = Day(stop_after=2)
    loader = load(day, at_once, iter([b"a", b"b", b"c"]))
    assert [value for _, value in day.sent] == [b"a", b"b", b"flushed"]
    assert loader.loaded.sent == 2


def test_a_record_with_several_events_goes_as_several(tmp_path: Path) -> None:
    """What is no list of events is left as it is."""
    file = tmp_path / "batches.jsonl"
    values = [
        b'{"sent": 1, "user": "x", "batch": [{"user": "ann", "n": 1.50}, {"n": 2}]}',
        b'{"sent": 2, "batch": []}',
        b'{"batch": 7, "user": "bob"}',
        b'{"batch": [{"user": "eve"}, 8]',
    ]
    file.write_bytes(b"\n".join(values))
    found = EventFiles([file], FileSource([]), Sought(each="batch")).records()
    assert list(found) == [
        b'{"sent":1,"user":"ann","n":1.50}',
        b'{"sent":1,"user":"x","n":2}',
        *values[1:],
    ]
