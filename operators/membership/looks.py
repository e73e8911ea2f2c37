"""When users are judged by the event clock: at their evaluations, and when time alone decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.runs import ends
from operators.features.clocks import EvaluationRound

# When a condition, and when the age in a cluster may change next, int64[n] each, after looks
# with features float64[features, n] at a moment each.
Clocks = Callable[[Floats, Moments], tuple[Moments, Moments]]

_TOGETHER: Final = 4_096  # evaluations: of each there may be hundreds of looks
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Looks:
    """n looks, those at one user side by side in the order of their time.

    `users` are positions among the users, `columns` those of the values. Where `placed`, the
    user's cluster is found anew. From `until_us` on, int64[n], it is another look's business.
    """

    users: Ints
    now_us: Moments
    columns: Ints
    placed: Mask
    until_us: Moments

    def part(self, some: slice) -> Looks:
        """Some neighbours among them."""
        return Looks(
            self.users[some],
            self.now_us[some],
            self.columns[some],
            self.placed[some],
            self.until_us[some],
        )


@dataclass(frozen=True)
class KnownUsers:
    """How far u users were judged and when they are due, int64[u]; `values` gives the features
    float64[features, n] of some, which are positions among them.
    """

    judged_us: Moments
    due_us: Moments
    values: Callable[[Ints], Floats]


class Agenda:
    """The looks at users that a message asks for, and the features by which they are judged.

    `values` is float64[features, m]. Of u users, `newest` has the columns of those who were
    evaluated, -1 for others, and `due_us` when they are due next, but for deadlines.

    Args:
        rounds: evaluations.
        rows: the users, each once, ascending; all who are evaluated are among them.
        known: of these.
        ends_us: int64[u], from when on the next message looks at them.
        clocks: tell what time alone can change, at the moments at which it is looked at.
    """

    def __init__(
        self,
        rounds: Sequence[EvaluationRound],
        rows: Rows,
        known: KnownUsers,
        ends_us: Moments,
        clocks: Clocks,
    ) -> None:
        self._clocks = clocks
        arrived = np.concatenate([_NOBODY, *(round_.rows for round_ in rounds)])
        arrived = np.searchsorted(rows, arrived)
        moments = np.concatenate([_NOBODY, *(round_.now_us for round_ in rounds)])
        begin_us = ends_us.copy()
        np.minimum.at(begin_us, arrived, moments)
        # Who is due before all evaluations is judged by what was known before.
        due = np.flatnonzero(known.due_us < begin_us)
        before = known.values(due)
        self.values = np.concatenate([before, *(round_.values for round_ in rounds)], axis=1)
        grown_us = clocks(before, known.judged_us[due])[1]
        placed = np.ones(len(due) + len(arrived), np.bool_)
        placed[: len(due)] = grown_us <= known.due_us[due]
        users = np.concatenate([due, arrived])
        self._columns = np.argsort(users, kind="stable")
        self._users, self._placed = users[self._columns], placed[self._columns]
        self._now_us = np.concatenate([known.due_us[due], moments])[self._columns]
        following_us = np.append(self._now_us[1:], 0)[: len(users)]
        self._ends_us = np.where(ends(self._users), ends_us[self._users], following_us)
        self.newest = np.full(len(rows), -1)
        self.newest[arrived] = np.arange(len(due), len(users))
        self.due_us = known.due_us.copy()

    def looks(self, most: int) -> Iterator[Looks]:
        """All looks, up to `most` at a time."""
        for start in range(0, len(self._users), _TOGETHER):
            found = self._looks(slice(start, start + _TOGETHER))
            for first in range(0, len(found.users), most):
                yield found.part(slice(first, first + most))

    def _looks(self, seeds: slice) -> Looks:
        """From some evaluations on, each up to the next one of its user."""
        users, columns, ends_us = self._users[seeds], self._columns[seeds], self._ends_us[seeds]
        begun, now_us = [np.arange(len(users))], [self._now_us[seeds]]
        placed, due_us = [self._placed[seeds]], np.full(len(users), NEVER)
        while len(begun[-1]):
            left = begun[-1]
            rules_us, grown_us = self._clocks(self.values[:, columns[left]], now_us[-1])
            due_us[left] = next_us = np.minimum(rules_us, grown_us)
            going = next_us < ends_us[left]
            begun.append(left[going])
            now_us.append(next_us[going])
            placed.append((grown_us <= next_us)[going])
        last = ends(users)
        self.due_us[users[last]] = due_us[last]
        seed, moments = np.concatenate(begun), np.concatenate(now_us)
        order = np.lexsort((moments, seed))
        seed, moments = seed[order], moments[order]
        flags = np.concatenate(placed)[order]
        following_us = np.append(moments[1:], NEVER)[: len(moments)]
        until_us = np.where(ends(users[seed]), ends_us[seed], following_us)
        return Looks(users[seed], moments, columns[seed], flags, until_us)
