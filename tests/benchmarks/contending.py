"""The simple workload by flockwise, by quixstreams and by bytewax, each in two processes.

flockwise learns its six centers, the others are given them. All write changes to Kafka, flockwise
and quixstreams exactly once with a commit each second, bytewax without any recovery. When a tenth
of the events was through is told by users who come there for the first time: Kafka has the time
at which the record of each was written. So rates are without the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.contenders import simple
from tests.benchmarks.contest import Contest, Filled, Timeline
from tests.benchmarks.room import Room, in_a_line
from tests.benchmarks.venv import contenders_python

OTHERS: Final = ("quixstreams", "bytewax")
KINDS: Final = ("cold", "warm", "whole")
_TENTHS_FEW: Final = 2  # of the larger topic: as many events as the smaller one has


@dataclass(frozen=True)
class Sizes:
    """Events of the smaller topic, of which the larger one has five times as many, and users."""

    events: int
    users: int
    warm: bool


FULL: Final = Sizes(2_000_000, 20_000, warm=True)
QUICK: Final = Sizes(100_000, 1_000, warm=False)

Runs = Callable[[Filled], Timeline]


def measure(room: Room) -> None:
    """All parts of this room that are asked for."""
    sizes = QUICK if room.quick else FULL
    python = contenders_python(room.say, install=not room.quick)
    if python is None:
        why = "a run without --quick installs them" if room.quick else "pip could not get them"
        room.tell_none(room.asked.keys, f"quixstreams and bytewax are not installed: {why}")
        return
    contest = Contest(room, python)
    asked = [name for name in OTHERS if room.wants(*(f"{name}_{x}" for x in KINDS))]
    runs: dict[str, Runs] = {
        "flockwise": contest.flockwise,
        **{name: getattr(contest, name) for name in asked},
    }
    cold = [f"{name}_{kind}" for name in asked for kind in ("cold", "whole")]
    room.trying(cold, lambda: _cold(room, contest.fill("few", sizes.events, sizes.users), runs))
    warm = [f"{name}_warm" for name in asked]
    if not sizes.warm:
        room.tell_none(warm, "left out by --quick")
        return
    room.trying(
        warm, lambda: _warm(room, contest.fill("many", 5 * sizes.events, sizes.users), runs)
    )


def _cold(room: Room, filled: Filled, runs: Mapping[str, Runs]) -> None:
    lines = _lines(room, filled, runs, [f"{name}_{x}" for name in runs for x in ("cold", "whole")])
    for name in lines.keys() - {"flockwise"}:
        _tell(room, f"{name}_cold", lines, name, lambda line: line.rate(0, simple.MARKS))
        _tell(room, f"{name}_whole", lines, name, Timeline.whole)


def _warm(room: Room, filled: Filled, runs: Mapping[str, Runs]) -> None:
    lines = _lines(room, filled, runs, [f"{name}_warm" for name in runs])
    for name in lines.keys() - {"flockwise"}:
        _tell(room, f"{name}_warm", lines, name, lambda line: line.rate(_TENTHS_FEW, simple.MARKS))


def _lines(
    room: Room, filled: Filled, runs: Mapping[str, Runs], keys: list[str]
) -> dict[str, Timeline]:
    """The timelines of those that did it; without that of flockwise there is nothing to tell."""
    lines = {}
    for name, run in runs.items():
        room.say(f"{name} over {filled.expected.events:,} events")
        try:
            lines[name] = line = run(filled)
        except Exception as error:
            if name == "flockwise":
                raise
            room.tell_none([key for key in keys if key.startswith(name)], in_a_line(error))
        else:
            room.say(f"{name}: {line.rate(0, simple.MARKS):,.0f} events/s, {line.cpu_us():.1f} us")
    return lines


def _tell(
    room: Room,
    key: str,
    lines: Mapping[str, Timeline],
    name: str,
    rate: Callable[[Timeline], float],
) -> None:
    ours, theirs = lines["flockwise"], lines[name]
    room.tell(
        key,
        rate(ours) / rate(theirs),
        events_s=rate(ours),
        cpu_us=ours.cpu_us(),
        other_events_s=rate(theirs),
        other_cpu_us=theirs.cpu_us(),
    )
