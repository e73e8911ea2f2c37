"""When ages that are computed with are next looked at: in steps, and only where it may matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask, Moments
from operators.base.frame import Frame
from operators.rules.crossing import LAST_US, as_moments, computed_with_ages
from operators.rules.enclosing import stays
from operators.rules.tree import Atom, Condition, ages, atoms

_FINENESS: Final = 64  # steps of an age are no longer than this part of it, unless they are one
# How far it is looked ahead, in steps: by a quarter more each time, for years by the minute.
_AHEAD: Final = np.unique(np.floor(1.25 ** np.arange(64)).astype(np.int64)).reshape(-1, 1)


@dataclass(frozen=True)
class _Stepped:
    """An atom, the ages in it, and for whom it matters.

    That is everybody, or those who are not in one of the segments with the indexes `outside`.
    """

    atom: Atom
    ages: tuple[str, ...]
    everybody: bool
    outside: Ints

    def concerns(self, inside: Mask | None, count: int) -> Mask:
        if self.everybody or inside is None:
            return np.ones(count, np.bool_)
        concerned: Mask = ~inside[self.outside].all(axis=0)
        return concerned


class StepClock:
    """When time alone may next change what is computed with ages, or compares two of them.

    Such atoms count at the steps of any age in one of them (`next_step`). Steps at which none of
    them can have changed are passed over: what they come to is enclosed for longer and longer
    times (`stays`), so the fewer steps are looked at the further off a change is.

    Args:
        always: conditions that matter wherever users stand.
        entries: by the index of a segment what matters to those who are not in it.
        step_us: the shortest step.
    """

    def __init__(
        self,
        always: Iterable[Condition],
        entries: Iterable[tuple[int, Condition]],
        step_us: int,
    ) -> None:
        everybody = {x for condition in always for x in computed_with_ages(atoms(condition))}
        outside: dict[Atom, list[int]] = {atom: [] for atom in everybody}
        for index, condition in entries:
            for atom in computed_with_ages(atoms(condition)):
                outside.setdefault(atom, []).append(index)
        self._step_us = step_us
        self._stepped = [
            _Stepped(atom, tuple(sorted(ages(atom))), atom in everybody, np.array(which, np.int64))
            for atom, which in sorted(outside.items(), key=lambda item: str(item[0]))
        ]

    def next_us(self, frame: Frame, inside: Mask | None = None) -> Moments:
        """The next step of each user at which something may change, or `NEVER`; int64[n].

        `inside` is bool[segments, n]; None counts everybody as outside.
        """
        due = np.full(len(frame), np.inf)
        if self._stepped and len(frame):
            concerned = [each.concerns(inside, len(frame)) for each in self._stepped]
            sure = replace(frame, now_us=self._sure_until_us(frame, concerned))
            for each, matters in zip(self._stepped, concerned, strict=True):
                for age in each.ages:
                    at = np.where(matters, next_step(sure, age, self._step_us), np.inf)
                    at[at > LAST_US] = np.inf
                    np.fmin(due, at, out=due)
        return as_moments(due)

    def _sure_until_us(self, frame: Frame, concerned: Sequence[Mask]) -> Moments:
        """Until when all is sure to be as it is now, int64[n]; at last, for ever."""
        far_us = np.minimum(_AHEAD * float(self._step_us), LAST_US).astype(np.int64)
        ahead_us = np.vstack([frame.now_us + far_us, np.full(len(frame), LAST_US)])
        sure = np.ones(ahead_us.shape, np.bool_)
        for each, matters in zip(self._stepped, concerned, strict=True):
            sure &= stays(each.atom, frame, ahead_us) | ~matters
        far = np.logical_and.accumulate(sure, axis=0).sum(axis=0)
        until: Moments = np.vstack([frame.now_us, ahead_us])[far, np.arange(len(frame))]
        return until


def next_step(frame: Frame, age: str, step_us: int, fineness: int = _FINENESS) -> Floats:
    """The next step of an age, NaN for whom it is null.

    A step is no longer than one `fineness`-th of the age, unless it is a single one of `step_us`.
    It ends at a multiple of its size, which depends on the age there alone: so it ends where it
    does whenever between its ends it is asked for.
    """
    since_us, longest_us = frame.row(age), fineness * step_us
    size_us = step_us * _octaves((frame.now_us - since_us) / longest_us)
    next_us = (frame.now_us // size_us + 1) * size_us
    size_us = step_us * _octaves((next_us - since_us) / longest_us)
    ends_us: Floats = -(-next_us // size_us) * size_us + 0.0 * since_us
    return ends_us


def _octaves(ratios: Floats) -> Moments:
    """The greatest powers of two that are not above these, 1 at least."""
    powers = np.frexp(np.fmax(ratios, 1.0))[1] - 1
    octaves: Moments = np.left_shift(np.int64(1), powers.astype(np.int64))
    return octaves
