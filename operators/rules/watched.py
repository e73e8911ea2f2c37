"""What of time can change a verdict: the features that rules ask for, and what decides of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from operators.base.arrays import NEVER, Moments
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.rules.crossing import CrossingClock, Crossings
from operators.rules.segment import Segment
from operators.rules.tree import Atom, Feature, Number, atoms, features, operands


@dataclass(frozen=True)
class Watched:
    """The features that decide, but for ages, and the moments at which something else does.

    `edges` has those that are compared with nothing but numbers, each with these: a verdict can
    change only when the value reaches or passes one, or when it comes to be null or known. Of
    those in `whole`, any change can change one. `ages` are passed, and borders of segments come,
    whatever the features are; `dates_us` are these, ascending.
    """

    edges: Mapping[str, frozenset[float]]
    whole: frozenset[str]
    ages: Crossings
    dates_us: Moments

    @classmethod
    def of(
        cls,
        segments: Iterable[Segment],
        columns: Mapping[str, FeatureColumn],
        also: Collection[str] = (),
    ) -> Watched:
        """What these segments ask for; `also` are features that count whatever they ask."""
        judged = [segment for segment in segments if not segment.paused]
        conditions = [condition for segment in judged for condition in segment.conditions()]
        found = [atom for condition in conditions for atom in atoms(condition)]
        whole = frozenset(also).union(*(_names(atom) for atom in found if _edges(atom) is None))
        edges: dict[str, frozenset[float]] = {}
        for atom in found:
            for name in _names(atom) - whole:
                edges[name] = edges.get(name, frozenset()) | (_edges(atom) or frozenset())
        borders = {b.at_us for each in judged for b in (each.opens, each.closes) if b is not None}
        dates_us = np.array([*sorted(borders), NEVER], np.int64)
        return cls(edges, whole, Crossings.of(conditions, columns), dates_us)


class WatchedClock:
    """When an age passes a number that it is compared with, or a segment opens or closes.

    It tells moments `lead_us` ahead, for whoever is to be looked at before they come.
    """

    def __init__(self, watched: Watched, lead_us: int = 0) -> None:
        self._ages = CrossingClock(watched.ages)
        self._dates_us = watched.dates_us
        self._lead_us = lead_us

    def next_us(self, frame: Frame) -> Moments:
        """The next moment for each user of a frame, int64[n]; NEVER if there is none."""
        frame = replace(frame, now_us=frame.now_us + self._lead_us)
        date_us = self._dates_us[np.searchsorted(self._dates_us, frame.now_us, side="right")]
        next_us: Moments = np.minimum(date_us, self._ages.next_change_us(frame))
        return np.where(next_us == NEVER, NEVER, next_us - self._lead_us)


def _names(atom: Atom) -> frozenset[str]:
    return frozenset(x.name for x in _features(atom))


def _features(atom: Atom) -> Iterator[Feature]:
    return (x for x in features(*operands(atom)) if x.kind is not Kind.AGE)


def _edges(atom: Atom) -> frozenset[float] | None:
    """The numbers with which an atom compares a bare number; None if it does anything else."""
    among = operands(atom)
    if not among:
        return frozenset()
    first, *others = among
    if not isinstance(first, Feature) or first.kind is not Kind.NUMBER:
        return None
    numbers = [other.value for other in others if isinstance(other, Number)]
    return frozenset(numbers) if len(numbers) == len(others) else None
