"""A segment as it is judged: what an analyst wrote, checked and parsed."""

from __future__ import annotations

from dataclasses import dataclass

from operators.rules.tree import Condition, Constant, InSegment, atoms


@dataclass(frozen=True, slots=True)
class Border:
    """A moment at which a segment opens or closes, and how the analyst wrote it."""

    text: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment whose conditions are parsed; see `SegmentSpec`.

    `when` is None where only `users`, who are listed as members, are in. Lengths of time are 0
    where none is asked for, and so is `holdout`, a share of 1. A `retired` one was deleted.
    """

    name: str
    when: Condition | None
    leave_when: Condition | None = None
    min_dwell_us: int = 0
    cooldown_us: int = 0
    users: frozenset[str] = frozenset()
    opens: Border | None = None
    closes: Border | None = None
    group: str | None = None
    priority: int = 0
    holdout: float = 0.0
    paused: bool = False
    retired: bool = False

    @property
    def entry(self) -> Condition:
        """The condition to enter by; never true where there is none."""
        return Constant(False) if self.when is None else self.when

    def conditions(self) -> list[Condition]:
        """All its conditions."""
        return [x for x in (self.entry, self.leave_when) if x is not None]

    def asks_for(self) -> list[str]:
        """The segments whose members its conditions ask for, each once, in their order."""
        found = (atom for condition in self.conditions() for atom in atoms(condition))
        return list(dict.fromkeys(x.segment for x in found if isinstance(x, InSegment)))
