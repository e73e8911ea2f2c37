"""What users brought since they came into a group, by the period in which they did.

All follows from what is kept of users before and after a message: what a user adds to a cohort is
what they come to now, less what they came to before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask, Moments
from operators.outcomes.attribution import HELD_OUT, MEMBER, OTHER
from operators.outcomes.delta import CohortDelta
from operators.outcomes.kept import KeptOutcomes, is_active
from operators.outcomes.outcomes import MICRO
from operators.outcomes.periods import Periods
from operators.rules import standing

_MOST: Final = 2_000_000  # numbers at a time: pairs of many segments take memory
_Place = tuple[int, int, int, int, int | None]  # group, segment, period, stratum, other segment


class Cohorts:
    """Tells what users add to cohorts whose periods are these."""

    def __init__(self, periods: Periods) -> None:
        self._periods = periods

    def enter(self, kept: KeptOutcomes, moments: Moments) -> None:
        """Users come into groups at standings, int64[u, s + 1], 0 where they don't."""
        new = (kept.entered == 0) & (moments != 0)
        kept.entered[new] = moments[new]
        kept.active[new] = 1  # in the period of entering they were

    def act(self, kept: KeptOutcomes, users: Ints, at_us: Moments) -> None:
        """Users are active at moments, int64[n]."""
        entered_us = standing.entered_us(kept.entered[users])
        later = self._periods.of(at_us)[:, None] - self._periods.of(entered_us)
        counts = (kept.entered[users] != 0) & (later > 0) & (later < Periods.KEPT)
        at, column = np.nonzero(counts)
        bits = np.int64(1) << later[at, column]
        np.bitwise_or.at(kept.active, (users[at], column), bits)

    def bring(
        self, kept: KeptOutcomes, users: Ints, at_us: Moments, outcome: Ints, value: Ints
    ) -> None:
        """Users have conversions at moments, int64[n], with values in millionths."""
        entered_us = standing.entered_us(kept.entered[users])
        since = (kept.entered[users] != 0) & (entered_us <= at_us[:, None])
        since[:, -1] = kept.entered[users][:, -1] != 0  # all that anybody did
        at, column = np.nonzero(since)
        place = (users[at], column, outcome[at])
        np.add.at(kept.conversions, place, 1)
        np.add.at(kept.value, place, value[at])

    def deltas(self, before: KeptOutcomes, after: KeptOutcomes) -> Iterator[CohortDelta]:
        """What the same users add."""
        found: dict[_Place, Floats] = {}
        for was, now in _by_stratum(before, after):
            for place, added in self._added(was, now):
                found[place] = found[place] + added if place in found else added
        for (group, segment, period, stratum, other), added in found.items():
            if np.any(added):
                yield CohortDelta(group, segment, period, stratum, added.tobytes(), other)

    def _added(self, before: KeptOutcomes, after: KeptOutcomes) -> Iterator[tuple[_Place, Floats]]:
        """What users of one stratum add."""
        was, now = _Standing(before), _Standing(after)
        then, own = _numbers(before), _numbers(after)
        entered = np.where(after.entered != 0, after.entered, before.entered)
        periods = self._periods.of(standing.entered_us(entered))
        stratum = int(after.stratum[0])
        for group, inside, outside in (
            (MEMBER, now.member, was.member),
            (HELD_OUT, now.held_out, was.held_out),
        ):
            added = own[:, :-1] * inside[..., None] - then[:, :-1] * outside[..., None]
            yield from _by_period((group, stratum, None), added, periods[:, :-1])
        added = own[:, -1:] * now.other[..., None] - then[:, -1:] * was.other[..., None]
        everyone = np.broadcast_to(periods[:, -1:], added.shape[:2])
        yield from _by_period((OTHER, stratum, None), added, everyone)
        brought = own.shape[2] - Periods.KEPT  # what is told of two segments has no periods
        some, past = own[:, :-1, :brought], then[:, :-1, :brought]
        for other in range(now.member.shape[1]):
            both = now.member & now.member[:, other : other + 1]
            were = was.member & was.member[:, other : other + 1]
            both[:, other] = were[:, other] = False
            if np.any(both | were):
                added = some * both[..., None] - past * were[..., None]
                yield from _by_period((MEMBER, stratum, other), added, periods[:, :-1])


def _by_stratum(
    before: KeptOutcomes, after: KeptOutcomes
) -> Iterator[tuple[KeptOutcomes, KeptOutcomes]]:
    """The users by their strata, some at a time; who comes into another leaves that of before."""
    segments, k = after.entered.shape[1], after.value.shape[2]
    most = max(_MOST // (segments * max(segments, Periods.KEPT) * (1 + 4 * k)), 1)
    moved = before.stratum != after.stratum
    for stratum in np.unique(np.concatenate([before.stratum, after.stratum])).tolist():
        stay = np.flatnonzero(~moved & (after.stratum == stratum))
        for start in range(0, len(stay), most):
            some = stay[start : start + most]
            yield before.of(some), after.of(some)
        if np.any(left := moved & (before.stratum == stratum)):
            yield before.of(left), before.of(left).nothing()
        if np.any(came := moved & (after.stratum == stratum)):
            yield after.of(came).nothing(), after.of(came)


class _Standing:
    """In which groups users are by what is kept of them, bool[u, s]."""

    def __init__(self, kept: KeptOutcomes) -> None:
        entered, seen = kept.entered[:, :-1], kept.entered[:, -1:] != 0
        held = standing.held_out(entered)
        self.held_out: Mask = np.zeros(entered.shape, np.bool_) if held is None else held
        self.member: Mask = (entered != 0) & ~self.held_out
        self.other: Mask = (entered == 0) & seen


def _numbers(kept: KeptOutcomes) -> Floats:
    """What users come to, float64[u, s + 1, numbers]: see `CohortDelta`, periods last."""
    value = kept.value / MICRO
    periods = is_active(kept.active[..., None], np.arange(Periods.KEPT))
    users = np.ones((*kept.entered.shape, 1))
    return np.concatenate(
        [users, kept.conversions > 0, kept.conversions, kept.value, value * value, periods],
        axis=2,
    )


def _by_period(
    whose: tuple[int, int, int | None], added: Floats, periods: Ints
) -> Iterator[tuple[_Place, Floats]]:
    """What is added, float64[u, s, numbers], by segment and period."""
    user, segment = np.nonzero((added != 0).any(axis=2))
    if not len(user):
        return
    group, stratum, other = whose
    keys = np.stack([segment, periods[user, segment]])
    distinct, of = np.unique(keys, axis=1, return_inverse=True)
    sums = np.zeros((distinct.shape[1], added.shape[2]))
    np.add.at(sums, of.ravel(), added[user, segment])
    for (column, period), numbers in zip(distinct.T.tolist(), sums, strict=True):
        yield (group, column, period, stratum, other), numbers
