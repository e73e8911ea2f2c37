"""Who is in which segment, the dumb way: one user, one segment, one moment at a time.

No arrays and no code of the product. What a condition is, and whether it holds, is the affair of
who asks: trees in some tests, texts that SQLite reads in others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Holds = Callable[[Any, set[str]], bool | None]
"""Whether a condition is true of the user, who is in some segments; None is unknown."""


@dataclass(frozen=True)
class Spec:
    """One segment; moments and lengths of time in microseconds."""

    when: Any = None
    leave_when: Any = None
    min_dwell: int = 0
    cooldown: int = 0
    members: Sequence[str] = ()
    opens: int | None = None
    closes: int | None = None
    group: str | None = None
    priority: int = 0
    paused: bool = False
    asks: frozenset[str] = frozenset()  # the segments that its conditions ask for


@dataclass
class Stay:
    """How a user stands to a segment: in it, held out of it, or neither, and since when."""

    inside: bool = False
    counts: bool = False
    entered: int | None = None
    left: int | None = None


@dataclass
class Person:
    """One user and how they stand to each segment by name."""

    name: str
    stays: dict[str, Stay] = field(default_factory=dict)

    def members(self) -> set[str]:
        """The segments whose member the user is."""
        return {name for name, stay in self.stays.items() if stay.counts}

    def held_out(self) -> set[str]:
        """The segments that the user would be in."""
        return {name for name, stay in self.stays.items() if stay.inside and not stay.counts}

    def judge(
        self, specs: Mapping[str, Spec], held_out: set[str], holds: Holds, now: int
    ) -> list[tuple[str, str]]:
        """Judge one moment, and tell who enters and leaves what.

        `held_out` are the segments out of which the user is held.
        """
        for name in specs:
            self.stays.setdefault(name, Stay())
        before = self.members()
        waiting = {name for name, spec in specs.items() if not spec.paused}
        while waiting:
            for names in _units(specs, waiting):
                if not any(specs[name].asks & waiting for name in names):
                    self._judge_together(names, specs, held_out, holds, now)
                    waiting -= set(names)
        after = self.members()
        return [(x, "enter") for x in after - before] + [(x, "leave") for x in before - after]

    def _judge_together(
        self,
        names: Sequence[str],
        specs: Mapping[str, Spec],
        held_out: set[str],
        holds: Holds,
        now: int,
    ) -> None:
        wanting = [name for name in names if self._wants(name, specs[name], holds, now)]
        group = specs[names[0]].group
        if group is not None:
            wanting = self._first(wanting, specs, group, now)
        for name in names:
            stay = self.stays[name]
            inside, counts = name in wanting, name in wanting and name not in held_out
            if (inside, counts) == (stay.inside, stay.counts):
                continue
            stay.inside, stay.counts = inside, counts
            stay.entered, stay.left = (now, stay.left) if inside else (None, now)

    def _wants(self, name: str, spec: Spec, holds: Holds, now: int) -> bool:
        """Whether the user is in, if no other segment of the group comes first."""
        stay = self.stays[name]
        if spec.opens is not None and now < spec.opens:
            return False
        if spec.closes is not None and now >= spec.closes:
            return False
        if self.name in spec.members:
            return True
        when = spec.when is not None and holds(spec.when, self.members()) is True
        leaves = not when
        if spec.leave_when is not None:
            leaves = holds(spec.leave_when, self.members()) is True
        if stay.inside:
            return not leaves or self._locked(name, spec, now)
        cooling = stay.left is not None and now < stay.left + spec.cooldown
        return when and not (leaves or cooling)

    def _locked(self, name: str, spec: Spec, now: int) -> bool:
        stay = self.stays[name]
        return stay.entered is not None and now < stay.entered + spec.min_dwell

    def _first(
        self, wanting: list[str], specs: Mapping[str, Spec], group: str, now: int
    ) -> list[str]:
        for name, spec in specs.items():
            if spec.group == group and spec.paused and self.stays[name].inside:
                return []
        locked = [name for name in wanting if self._locked(name, specs[name], now)]
        return sorted(locked or wanting, key=lambda name: -specs[name].priority)[:1]


def _units(specs: Mapping[str, Spec], names: set[str]) -> list[list[str]]:
    """What is judged together: the segments of a group, or one alone."""
    groups = {specs[name].group for name in names} - {None}
    alone = [[name] for name in names if specs[name].group is None]
    return alone + [[name for name in names if specs[name].group == group] for group in groups]
