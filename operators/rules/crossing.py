"""When time alone changes a condition: the moments at which an age passes a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Mask, Moments
from operators.base.frame import FeatureColumn, Frame
from operators.rules.tree import (
    Atom,
    Between,
    Comparison,
    Condition,
    Feature,
    IsNull,
    Number,
    OneOf,
    ages,
    atoms,
    operands,
)

# float64 holds whole microseconds up to here, the year 2255; nothing is due after it.
LAST_US: Final = 2**53


@dataclass(frozen=True)
class Crossings:
    """What of time a condition depends on.

    `after_us` has the ages that are compared with a number, each with a length of time after
    whose moment the comparison changes. Ages that are computed with, or compared with what is no
    number, are not among them: see `StepClock`.
    """

    after_us: frozenset[tuple[str, int]]

    @classmethod
    def of(cls, conditions: Iterable[Condition], columns: Mapping[str, FeatureColumn]) -> Crossings:
        """The crossings of any of these conditions."""
        found = {atom for condition in conditions for atom in atoms(condition) if ages(atom)}
        exact = found - computed_with_ages(found)
        return cls(frozenset(pair for atom in exact for pair in _after_us(atom, columns)))


def computed_with_ages(among: Iterable[Atom]) -> set[Atom]:
    """Those of some atoms that do anything with an age but compare it with numbers."""
    return {atom for atom in among if ages(atom) and not _is_exact(atom)}


def _is_exact(atom: Atom) -> bool:
    """Whether an atom compares a bare age with nothing but numbers."""
    first, *others = operands(atom)
    return isinstance(first, Feature) and all(isinstance(other, Number) for other in others)


def _after_us(atom: Atom, columns: Mapping[str, FeatureColumn]) -> Iterator[tuple[str, int]]:
    (name,) = ages(atom)
    for number, strictly in _edges(atom):
        after_us = _passing_us(number, strictly, columns[name].unit_us)
        if after_us is not None:
            yield name, after_us


def _edges(atom: Atom) -> Iterator[tuple[float, bool]]:
    """The numbers at which an exact atom changes: on reaching one, or strictly after it."""
    match atom:
        case Comparison(">=" | "<", _, Number(number)):
            yield number, False
        case Comparison(">" | "<=", _, Number(number)):
            yield number, True
        case Comparison("=" | "<>", _, Number(number)):
            yield from ((number, False), (number, True))
        case Between(_, Number(low), Number(high)):
            yield from ((low, False), (high, True))
        case OneOf(_, options):
            for number in (option.value for option in options if isinstance(option, Number)):
                yield from ((number, False), (number, True))
        case IsNull():
            pass


def _passing_us(number: float, strictly: bool, unit_us: int) -> int | None:
    """The shortest time, in whole microseconds, after which an age has reached (passed) a number.

    None if it has from the start, as ages are never below 0, or never will. Found with the very
    division that makes an age, as `number * unit_us` may be off by a rounding.
    """

    def passed(time_us: int) -> bool:
        age = time_us / unit_us
        return age > number if strictly else age >= number

    if number < 0 or passed(0) or number * unit_us >= LAST_US:
        return None
    time_us = floor(number * unit_us)
    while passed(time_us):
        time_us -= 1
    while not passed(time_us):
        time_us += 1
    return time_us


class CrossingClock:
    """When time alone next changes some conditions, whatever else is true of a user."""

    def __init__(self, crossings: Crossings) -> None:
        self._after_us = {}
        for name in sorted({name for name, _ in crossings.after_us}):
            times = sorted(after for age, after in crossings.after_us if age == name)
            self._after_us[name] = np.array([*times, np.inf])

    def next_change_us(self, frame: Frame) -> Moments:
        """The earliest moment after now of each user, or `NEVER`; int64[n]."""
        due = np.full(len(frame), np.inf)
        for name, after_us in self._after_us.items():
            moments = frame.row(name)
            # NaN counts as longest, so that who has no moment gets the infinity at the end.
            following = np.searchsorted(after_us[:-1], frame.now_us - moments, side="right")
            np.fmin(due, moments + after_us[following], out=due)
        return as_moments(due)


class GatedClock:
    """When time alone next changes conditions each of which matters for some users only."""

    def __init__(self, crossings: Sequence[Crossings]) -> None:
        pairs = [(i, *pair) for i, each in enumerate(crossings) for pair in sorted(each.after_us)]
        self._ages = sorted({name for _, name, _ in pairs})
        self._rows = np.array([self._ages.index(name) for _, name, _ in pairs], np.intp)
        self._after_us = np.array([after_us for *_, after_us in pairs], float).reshape(-1, 1)
        self._gates = np.array([gate for gate, *_ in pairs], np.intp)

    def next_change_us(self, frame: Frame, gates: Mask) -> Moments:
        """The earliest moment after now of each user, or `NEVER`; int64[n].

        `gates` is bool[conditions, n]: for whom a condition matters.
        """
        due = np.full(len(frame), np.inf)
        if self._ages:
            moments = np.array([frame.row(name) for name in self._ages])
            at = moments[self._rows] + self._after_us
            at[~((at > frame.now_us) & gates[self._gates])] = np.inf
            at.min(axis=0, out=due)
        return as_moments(due)


def as_moments(due: Floats) -> Moments:
    """Moments of which some are infinite, as whole microseconds; `NEVER` for these."""
    moments = np.full(len(due), NEVER)
    np.copyto(moments, due, where=np.isfinite(due), casting="unsafe")
    return moments
