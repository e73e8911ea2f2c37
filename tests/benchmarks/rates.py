"""How fast the job is beside a bare scan of the same topic, and beside itself on other events.

Each job runs over a topic with a part of the events, too: the difference is the time that events
take, without the start and most of what Java compiles. The ratios are those of one run: machines
differ, and so does one machine from hour to hour.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from operators.base.durations import US_PER_UNIT
from tests.benchmarks.jobs import How, Jobs, Spent
from tests.benchmarks.room import BadAnswerError, Room, in_a_line
from tests.benchmarks.topics import Topic, write
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.shop import shop, with_a_hot_user
from tests.benchmarks.workloads.standard import MEASURED, STANDARD
from tests.benchmarks.workloads.workload import Records

KEYS: Final = ("scan_heap", "scan_rocksdb", "scan_rich", "replay", "hot_user", "outcomes")
BARE: Final = "bare scan"
LIVE: Final = "live, heap"
# The job of each part, and what it is compared with.
COMPARED: Final = {
    "scan_heap": (LIVE, BARE),
    "scan_rocksdb": ("live, RocksDB", BARE),
    "scan_rich": ("live, rich workload", BARE),
    "replay": ("replay", LIVE),
    "hot_user": ("live, a hot user", LIVE),
    "outcomes": ("live, measured", LIVE),
}
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Sizes:
    """Events of the smaller and the larger topic, users, and how often all is measured."""

    few: int
    many: int
    users: int
    repeats: int


FULL: Final = Sizes(500_000, 2_000_000, 20_000, 3)
QUICK: Final = Sizes(20_000, 300_000, 3_000, 1)


class Pair(NamedTuple):
    """A topic, and a larger one of the same kind of events."""

    few: Topic
    many: Topic

    @property
    def events(self) -> int:
        """By how many events they differ."""
        return self.many.events - self.few.events


class Rate(NamedTuple):
    """Events a second, microseconds of CPU an event, and the most memory in MiB: medians."""

    events_s: float
    cpu_us: float
    most_mib: float


Job = Callable[[Topic], Spent]


def measure(room: Room) -> None:
    """All parts of this room that are asked for."""
    sizes = QUICK if room.quick else FULL
    end_us = time.time_ns() // 1_000_000_000 * 1_000_000
    jobs = Jobs(room.folder, room.bootstrap)
    topics = {"usual": pair(room, "usual", sizes, lambda events: shop(end_us, events, sizes.users))}
    if room.wants("hot_user"):
        topics["hot"] = pair(
            room,
            "hot",
            sizes,
            lambda events: with_a_hot_user(shop(end_us, events, sizes.users)),
        )
    as_of = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end_us // US_PER_UNIT["s"]))
    runs: dict[str, tuple[Job, Pair]] = {
        BARE: (lambda topic: jobs.bare(topic, STANDARD), topics["usual"]),
        LIVE: (lambda topic: jobs.segment(topic, How(STANDARD)), topics["usual"]),
        "live, RocksDB": (
            lambda topic: jobs.segment(topic, How(STANDARD, backend="rocksdb")),
            topics["usual"],
        ),
        "live, rich workload": (lambda topic: jobs.segment(topic, How(RICH)), topics["usual"]),
        "replay": (
            lambda topic: jobs.segment(topic, How(STANDARD, "event", as_of=as_of)),
            topics["usual"],
        ),
        "live, measured": (lambda topic: jobs.segment(topic, How(MEASURED)), topics["usual"]),
        "live, a hot user": (
            lambda topic: jobs.segment(topic, How(STANDARD)),
            topics.get("hot", topics["usual"]),
        ),
    }
    tell_ratios(room, runs, COMPARED, sizes.repeats)


def pair(room: Room, name: str, sizes: Sizes, events: Callable[[int], Records]) -> Pair:
    """A topic of few events and one of many."""
    few = write(room.bootstrap, f"{name}-few", events(sizes.few), room.say)
    return Pair(few, write(room.bootstrap, f"{name}-many", events(sizes.many), room.say))


def tell_ratios(
    room: Room,
    runs: Mapping[str, tuple[Job, Pair]],
    compared: Mapping[str, tuple[str, str]],
    repeats: int,
) -> None:
    """Run the jobs of the parts that are asked for in turns, and tell the ratios of their rates."""
    wanted = {key: names for key, names in compared.items() if room.wants(key)}
    needed = dict.fromkeys(name for names in wanted.values() for name in reversed(names))
    rates, failed = in_turns(room, {name: runs[name] for name in needed}, repeats)
    for key, (name, other) in wanted.items():
        if broken := [f"{each}: {failed[each]}" for each in (name, other) if each in failed]:
            room.tell_none([key], "; ".join(broken))
        else:
            ratio = rates[name].events_s / rates[other].events_s
            room.tell(key, ratio, **beside(rates[name], rates[other]))


def in_turns(
    room: Room, runs: Mapping[str, tuple[Job, Pair]], repeats: int
) -> tuple[dict[str, Rate], dict[str, str]]:
    """The rates of jobs, which run in turns, and why others have none.

    One that fails once is left out of the next turns.
    """
    spent: dict[str, list[Spent]] = {name: [] for name in runs}
    failed: dict[str, str] = {}
    # The first turn has Java compile more, and is not counted, unless it must be quick.
    for turn in range(int(room.quick), room.repeats(repeats) + 1):
        for name in (name for name in runs if name not in failed):
            job, topics = runs[name]
            try:
                few = job(topics.few)
                if turn:
                    spent[name].append(job(topics.many) - few)
                    room.say(f"{name}: {told(rate(spent[name][-1:], topics.events))}")
            except Exception as error:
                failed[name] = in_a_line(error)
                room.say(f"{name} failed: {failed[name]}")
    done = runs.keys() - failed.keys()
    return {name: rate(spent[name], runs[name][1].events) for name in done}, failed


def beside(one: Rate, two: Rate) -> dict[str, float]:
    """What stands beside the ratio of two rates."""
    return {
        "events_s": one.events_s,
        "cpu_us": one.cpu_us,
        "most_mib": one.most_mib,
        "other_events_s": two.events_s,
        "other_cpu_us": two.cpu_us,
        "other_most_mib": two.most_mib,
    }


def rate(spent: Sequence[Spent], events: int) -> Rate:
    """The medians of some runs.

    Raises:
        BadAnswerError: more events took less time: something else was at work on the machine.
    """
    seconds = statistics.median(each.seconds for each in spent)
    if seconds <= 0:
        raise BadAnswerError("many events took less time than few: the machine is too busy")
    return Rate(
        events / seconds,
        statistics.median(each.cpu_s for each in spent) / events * 1e6,
        max(each.most_bytes for each in spent) / _MIB,
    )


def told(found: Rate) -> str:
    """A rate in words."""
    return f"{found.events_s:,.0f} events/s, {found.cpu_us:.1f} us of CPU an event"
