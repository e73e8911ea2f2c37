"""Real histories by the rich workload: replayed beside live, and how often users are judged."""

from __future__ import annotations

import time
from functools import partial
from typing import Final, NamedTuple

from operators.base.durations import US_PER_UNIT
from operators.base.moments import iso_at
from tests.benchmarks.jobs import How, Jobs
from tests.benchmarks.rates import Job, Pair, in_turns
from tests.benchmarks.room import Room
from tests.benchmarks.topics import write
from tests.benchmarks.waking import judgements
from tests.benchmarks.workloads.histories import AS_OF, FILES, copies, history, simulated
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.shop import DAYS, EVENTS_EACH, shop
from tests.benchmarks.workloads.workload import OLD_HANDS

_END_US: Final = 1_790_000_000_000_000


class Sizes(NamedTuple):
    """How often a history lies side by side in the smaller and in the larger topic, and users."""

    few: int
    many: int
    repeats: int
    users: int  # whose judgements are counted
    idle_days: int


FULL: Final = Sizes(3, 12, 3, 100, 2)
QUICK: Final = Sizes(1, 3, 1, 20, 1)


def measure(room: Room) -> None:
    """Both parts of this room."""
    sizes = QUICK if room.quick else FULL
    room.trying(["judgements"], lambda: _judgements(room, sizes))
    room.trying(["replay_rich"], lambda: _replays(room, sizes))


def _judgements(room: Room, sizes: Sizes) -> None:
    room.say(f"counting judgements of {sizes.users} users in {DAYS + sizes.idle_days} days")
    given = shop(_END_US, sizes.users * EVENTS_EACH, sizes.users)
    found = judgements(RICH, given, sizes.idle_days * US_PER_UNIT["d"])
    by_user = found.idle / sizes.users / sizes.idle_days
    live = found.live / found.events
    room.tell("judgements", found.per_event(), live=live, idle_a_user_and_day=by_user)


def _replays(room: Room, sizes: Sizes) -> None:
    """The lowest ratio of the histories."""
    jobs = Jobs(room.folder, room.bootstrap)
    ratios: dict[str, float] = {}
    others: dict[str, float] = {}
    for name, (events, as_of) in _histories(room).items():
        few, many = (
            write(room.bootstrap, f"{name}-{count}", copies(events, count), room.say)
            for count in (sizes.few, sizes.many)
        )
        live = How(RICH, checked=(OLD_HANDS,))
        replay = How(RICH, "event", as_of=as_of, checked=(OLD_HANDS,))
        runs: dict[str, tuple[Job, Pair]] = {
            f"{name} live": (partial(jobs.segment, how=live), Pair(few, many)),
            f"{name} replay": (partial(jobs.segment, how=replay), Pair(few, many)),
        }
        rates, failed = in_turns(room, runs, sizes.repeats)
        if failed:
            whys = "; ".join(f"{job}: {why}" for job, why in failed.items())
            room.tell_none(["replay_rich"], whys)
            return
        ratios[name] = rates[f"{name} replay"].events_s / rates[f"{name} live"].events_s
        others |= {name: ratios[name]}
        for job, rate in rates.items():
            label = job.replace(" ", "_")
            others |= {f"{label}_events_s": rate.events_s, f"{label}_cpu_us": rate.cpu_us}
    room.tell("replay_rich", min(ratios.values()), **others)


def _histories(room: Room) -> dict[str, tuple[list[tuple[bytes, bytes]], str]]:
    """The events and the end of each history that is there; of a simulated one if none is."""
    found = {}
    for name in FILES:
        try:
            found[name] = (list(history(name)), AS_OF[name])
        except FileNotFoundError as missing:
            room.say(f"{missing.filename} is not there")
        if found and room.quick:
            break
    if not found:
        now_us = time.time_ns() // 1_000_000_000 * 1_000_000
        found["simulated"] = (list(simulated(now_us)), iso_at(now_us))
    return found
