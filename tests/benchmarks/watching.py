"""Sees changes as they come out, each looker in a process of its own.

So each record tells its own age when it is seen, by the one clock of this machine. Rows are asked
for every 20 ms, so that some 10 ms are the asking's own. (The write time of a row would not do:
it is the version, which is older than the row.)
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kafka import KafkaConsumer

from flink_job.stores.cassandra_session import Node, close, connect
from operators.contracts.records import assignment_decoder, transition_decoder
from tests.benchmarks.room import BadAnswerError

# To ask for more, or more often, would slow down what is measured.
ROWS_PER_S: Final = 20
_ROWS_AT_ONCE: Final = 10
_ASK_EVERY_S: Final = 0.02
_PATIENCE_S: Final = 180
_QUIET_S: Final = 10.0  # nothing comes for so long: that was all

_PROCESSES: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Seen:
    """When a change of a user was seen, and when its event was sent, where it says so; in us."""

    name: tuple[str, int]  # the user, and the version
    seen_us: int
    sent_us: int = 0


@dataclass
class Watcher:
    """Looks, in a process of its own, until it is told that all is sent, and then to the end.

    `look` is told where to look, what to look for, and where to put what it has seen.
    """

    look: Callable[..., None]
    where: tuple[Any, ...]
    asked: Any = field(default_factory=_PROCESSES.Queue)
    found: Any = field(default_factory=_PROCESSES.Queue)

    def start(self) -> None:
        """Begin to look."""
        process = _PROCESSES.Process(
            target=self.look, args=(*self.where, self.asked, self.found), daemon=True
        )
        process.start()

    def seen(self) -> list[Seen]:
        """All that it has seen in the end.

        Raises:
            BadAnswerError: something never came.
        """
        self.asked.put(None)
        try:
            return list(self.found.get(timeout=_PATIENCE_S))
        except queue.Empty:
            raise BadAnswerError(f"the last did not come within {_PATIENCE_S} s") from None


def watch_topic(
    bootstrap: str, topic: str, isolation: str, kind: str, asked: Any, found: Any
) -> None:
    """Note when each record, of `kind` assignment or transition, is seen; read it afterwards."""
    reader = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        isolation_level=isolation,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        check_crcs=False,  # where it is made byte by byte it would take longer than all else
    )
    records: list[tuple[int, bytes]] = []
    last_s = time.monotonic()
    with closing(reader):
        while asked.empty() or time.monotonic() - last_s < _QUIET_S:
            for polled in reader.poll(timeout_ms=100).values():
                last_s, seen_us = time.monotonic(), time.time_ns() // 1_000
                records.extend((seen_us, record.value) for record in polled)
    read = _assignment if kind == "assignment" else _transition
    found.put([read(value, seen_us) for seen_us, value in records])


def watch_rows(node: Node, keyspace: str, asked: Any, found: Any) -> None:
    """Ask for the rows of those whose events were told, until they hold what was sent."""
    session = connect(node, keyspace)
    query = session.prepare("SELECT record FROM assignments WHERE user IN ?")
    waiting: dict[str, int] = {}
    seen: list[Seen] = []
    more = True
    while more or waiting:
        time.sleep(_ASK_EVERY_S)
        for told in _all(asked):
            if told is None:
                more = False
            elif len(waiting) < _ROWS_AT_ONCE:
                waiting.setdefault(*told)
        rows = session.execute(query, (list(waiting),)) if waiting else ()
        for (record,) in rows:
            change = _assignment(record, time.time_ns() // 1_000)
            asked_us = waiting[change.name[0]]
            if change.sent_us >= asked_us:
                seen.append(replace(change, sent_us=asked_us))
                del waiting[change.name[0]]
    close(session)
    found.put(seen)


def _assignment(value: bytes, seen_us: int) -> Seen:
    change = assignment_decoder.decode(value)
    sent_us = int(change.features.get("sent_us") or 0)  # type: ignore[arg-type]
    return Seen((change.user, change.version), seen_us, sent_us)


def _transition(value: bytes, seen_us: int) -> Seen:
    change = transition_decoder.decode(value)
    return Seen((change.user, change.version), seen_us)


def _all(asked: Any) -> Iterator[tuple[str, int] | None]:
    """What has been told by now."""
    with suppress(queue.Empty):
        while True:
            yield asked.get_nowait()
