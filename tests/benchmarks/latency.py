"""How long it takes from an event to what comes of it: both jobs, live, with real servers.

20,000 events a second, of which one in 50 moves a user into a segment or out of it: the
assignment is seen by a consumer that reads uncommitted, the transition by one that reads
committed, the row in Cassandra, of some users a second, by asking for it. Whatever else this
machine does is in the figures, the sending and the looking, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.stores.cassandra_session import Node
from tests.benchmarks.live import Live, live_job
from tests.benchmarks.room import BadAnswerError, Room
from tests.benchmarks.sending import Sender
from tests.benchmarks.spending import family_cpu_s
from tests.benchmarks.verifying import check_answers
from tests.benchmarks.watching import ROWS_PER_S, Seen, Watcher, watch_rows, watch_topic
from tests.benchmarks.workloads.standard import FEATURES
from tests.benchmarks.workloads.workload import Workload

NTH: Final = 50  # one event in so many is a change
CHECKPOINT: Final = "250ms"
BATCH: Final = "50ms"
# No other segment or cluster than the one that events move users into: each change is one's own.
WORKLOAD: Final = Workload("latency", FEATURES, {})


@dataclass(frozen=True)
class Sizes:
    """Events a second, and seconds before and while it is measured."""

    rate: int
    warm_up_s: int
    seconds: int


FULL: Final = Sizes(20_000, 60, 30)
QUICK: Final = Sizes(1_000, 3, 6)


def measure(room: Room) -> None:
    """Both parts of this room."""
    sizes = QUICK if room.quick else FULL
    live = live_job(room, "latency", WORKLOAD, checkpoint=CHECKPOINT, batch=BATCH)
    sender = Sender(room.bootstrap, live.topic, sizes.rate, NTH)
    with live.run() as command, closing(sender):
        room.say("starting both jobs")
        live.wait_for_a_row(command, sender)
        began_cpu_s, began_s = family_cpu_s(command.pid), time.monotonic()
        measured = _measured(room, live, sender, sizes)
        cpu_s, seconds = family_cpu_s(command.pid) - began_cpu_s, time.monotonic() - began_s
        live.wait_for_all(command, 120)
        command.stop()
    check_answers(live.plan)
    waits = measured.waits_ms
    rows = {f"p{at}_ms": float(np.percentile(waits["row"], at)) for at in (50, 99)}
    others = {
        f"{name}_p{at}_ms": float(np.percentile(waits[name], at))
        for name in ("uncommitted", "committed", "commit", "store")
        for at in (50, 99)
    }
    for key, value in rows.items():
        cores = cpu_s / seconds
        room.tell(key, value, **rows, **others, events_s=measured.rate, cores=cores)
    if grows(waits["row"]):
        room.say("the longer it went on, the longer changes took: the rate is too high here")


@dataclass(frozen=True)
class Measured:
    """The rate of events that was reached, and milliseconds by what they were taken for."""

    rate: float
    waits_ms: Mapping[str, Sequence[float]]


def _measured(room: Room, live: Live, sender: Sender, sizes: Sizes) -> Measured:
    topics, access = live.plan.kafka.topics(), live.access
    node = Node((access.host,), access.port, access.login())
    where = live.bootstrap
    rows = Watcher(watch_rows, (node, access.keyspace))
    decided = Watcher(watch_topic, (where, topics.assignments, "read_uncommitted", "assignment"))
    committed = Watcher(watch_topic, (where, topics.transitions, "read_committed", "transition"))
    for watcher in (rows, decided, committed):
        watcher.start()
    room.say(f"warming up for {sizes.warm_up_s} s")
    sender.send(sizes.warm_up_s, _unheard, lambda _user, _sent_us: None)
    start_us, told = time.time_ns() // 1_000, 0
    every = max(sender.moves_s // ROWS_PER_S, 1)

    def ask(user: str, sent_us: int) -> None:
        nonlocal told
        if told % every == 0:
            rows.asked.put((user, sent_us))
        told += 1

    room.say(f"measuring for {sizes.seconds} s")
    rate, moves = sender.send(sizes.seconds, room.say, ask)
    room.say("waiting for the last")
    seen = rows.seen(), decided.seen(), committed.seen()
    return Measured(rate, waits_ms(*seen, start_us=start_us, moves=moves))


def waits_ms(
    rows: Sequence[Seen],
    decided: Sequence[Seen],
    committed: Sequence[Seen],
    *,
    start_us: int,
    moves: int,
) -> dict[str, list[float]]:
    """Milliseconds, from what was seen of the events that were sent since a moment.

    Raises:
        BadAnswerError: not every event that moved somebody has come out.
    """
    sent_us = {seen.name: seen.sent_us for seen in decided if seen.sent_us >= start_us}
    decided_us = {seen.name: seen.seen_us for seen in decided}
    commits_us = {seen.name: seen.seen_us for seen in committed if seen.name in sent_us}
    if not len(sent_us) == len(commits_us) == moves:
        raise BadAnswerError(
            f"of {moves} changes {len(sent_us)} were decided and {len(commits_us)} committed: the "
            "job stood still for so long that users came and went unseen"
        )
    waits_us = {
        "uncommitted": [decided_us[name] - at_us for name, at_us in sent_us.items()],
        "committed": [commits_us[name] - at_us for name, at_us in sent_us.items()],
        "row": [seen.seen_us - seen.sent_us for seen in rows],
        "commit": [at_us - decided_us[name] for name, at_us in commits_us.items()],
        "store": [seen.seen_us - commits_us[seen.name] for seen in rows if seen.name in commits_us],
    }
    return {name: [us / 1_000 for us in found] for name, found in waits_us.items()}


def grows(waits: Sequence[float]) -> bool:
    """Whether the last third took twice as long as the first."""
    third = max(len(waits) // 3, 1)
    return bool(np.median(waits[-third:]) > 2 * np.median(waits[:third]))


def _unheard(_line: str) -> None:
    pass
