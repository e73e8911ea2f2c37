"""What users brought since they came into a group, by the period in which they did.

All follows from what is kept of users before and after a message: what a user adds to a cohort is
what they come to now, less what they came to before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask, Moments
from operators.base.runs import begins
from operators.outcomes.attribution import HELD_OUT, MEMBER, OTHER
from operators.outcomes.delta import CohortDelta
from operators.outcomes.kept import KeptOutcomes
from operators.outcomes.outcomes import MICRO
from operators.outcomes.periods import Periods
from operators.rules import standing

_MOST: Final = 2_000_000  # numbers at a time: pairs of many segments take memory
NO_GROUP: Final = -1  # of who was not seen
NO_OTHER: Final = -1
_Place = tuple[int, int, int, int, int]  # group, segment, period, other segment, stratum


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
            added = _added(self._contribution(was), self._contribution(now))
            stratum = int(now.stratum[0])
            for (group, segment, period, other), numbers in added.by_place():
                place = (group, segment, period, other, stratum)
                found[place] = found[place] + numbers if place in found else numbers
        for (group, segment, period, other, stratum), numbers in found.items():
            if not np.any(numbers):
                continue
            if other == NO_OTHER:
                yield CohortDelta(group, segment, period, stratum, numbers.tobytes())
            else:  # what is told of two segments has no periods
                brought = numbers[: -Periods.KEPT].tobytes()
                yield CohortDelta(group, segment, period, stratum, brought, other)

    def _contribution(self, kept: KeptOutcomes) -> _Contribution:
        """What users come to, by how they stand by what is kept of them."""
        entered = kept.entered[:, :-1]
        others = (entered == 0) & (kept.entered[:, -1:] != 0)
        group = np.where(entered != 0, MEMBER, NO_GROUP)
        group[others] = OTHER
        if (held := standing.held_out(entered)) is not None:
            group[held] = HELD_OUT
        value, periods = kept.value / MICRO, self._periods.of(standing.entered_us(kept.entered))
        users = np.ones((*kept.entered.shape, 1))
        # In whole millionths, too: so sums are the same in any order, up to 2^53 of these.
        squares = np.rint(value * value * MICRO)
        by_outcome = (kept.conversions > 0, kept.conversions, kept.value, squares)
        numbers = np.concatenate([users, *by_outcome], axis=2)
        return _Contribution(
            group,
            np.where(others, periods[:, -1:], periods[:, :-1]),
            np.where(others[..., None], numbers[:, -1:], numbers[:, :-1]),
            np.where(others, kept.active[:, -1:], kept.active[:, :-1]),
        )


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


@dataclass(frozen=True)
class _Contribution:
    """What u users come to in each segment, in the one group of it that they are in.

    `group` and `period` are int64[u, s], `numbers` float64[u, s, numbers] without the periods, of
    which `active` has a bit each, int64[u, s].
    """

    group: Ints
    period: Ints
    numbers: Floats
    active: Ints

    def part(self, chosen: Mask, sign: int) -> _Added:
        """That of some users and segments, bool[u, s], added or taken away."""
        user, segment = np.nonzero(chosen)
        none = np.full(len(user), NO_OTHER)
        places = np.stack([self.group[chosen], segment, self.period[chosen], none])
        return _Added(places, sign * self.numbers[chosen], sign * _bits(self.active[chosen]))


@dataclass(frozen=True)
class _Added:
    """What is added to n places.

    `places` is int64[4, n]: group, segment, period, and another segment or `NO_OTHER`; `numbers`
    float64[n, numbers], `periods` int64[n, KEPT].
    """

    places: Ints
    numbers: Floats
    periods: Ints

    def by_place(self) -> Iterator[tuple[tuple[int, int, int, int], Floats]]:
        """The sums for each place."""
        if not self.places.shape[1]:
            return
        key = np.zeros(self.places.shape[1], np.int64)
        for column in self.places:  # all as one number
            least = column.min()
            key = key * (column.max() - least + 1) + column - least
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(begins(key[order]))
        whole = np.concatenate([self.numbers, self.periods], axis=1)[order]
        sums = np.add.reduceat(whole, starts, axis=0)
        for place, numbers in zip(self.places[:, order[starts]].T.tolist(), sums, strict=True):
            group, segment, period, other = place
            yield (group, segment, period, other), numbers


def _added(was: _Contribution, now: _Contribution) -> _Added:
    """What users add who came to something before, and come to more now."""
    stays = was.group == now.group
    differs = (was.numbers != now.numbers).any(axis=2) | (was.active != now.active)
    more = stays & differs & (now.group != NO_GROUP)
    parts = [
        now.part(more, 1),
        was.part(more, -1),
        now.part(~stays & (now.group != NO_GROUP), 1),
        was.part(~stays & (was.group != NO_GROUP), -1),
        _of_both(was, now),
    ]
    return _Added(
        np.concatenate([part.places for part in parts], axis=1),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.periods for part in parts]),
    )


def _of_both(was: _Contribution, now: _Contribution) -> _Added:
    """What those add who are members of two segments: to the cohort of each, by the other."""
    many = [(each.group == MEMBER).sum(axis=1) > 1 for each in (was, now)]
    users = np.flatnonzero(many[0] | many[1])
    were, both = _pairs(was.group[users] == MEMBER), _pairs(now.group[users] == MEMBER)
    added = now.numbers[users][:, :, None] * both[..., None]
    added -= was.numbers[users][:, :, None] * were[..., None]
    user, segment, other = np.nonzero((added != 0).any(axis=3))
    period = np.where(now.group == MEMBER, now.period, was.period)[users[user], segment]
    places = np.stack([np.full(len(user), MEMBER), segment, period, other])
    none = np.zeros((len(user), Periods.KEPT), np.int64)
    return _Added(places, added[user, segment, other], none)


def _pairs(member: Mask) -> Mask:
    """Who is in two segments, bool[u, s, s]."""
    both: Mask = member[:, :, None] & member[:, None, :]
    both[:, *np.diag_indices(member.shape[1])] = False
    return both


def _bits(active: Ints) -> Ints:
    """The periods in which users were active, int64[n, KEPT]."""
    return active[:, None] >> np.arange(Periods.KEPT) & 1
