"""What users did, added up by day and group: one product of matrices a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments
from operators.outcomes.attribution import GROUPS
from operators.outcomes.delta import DayDelta
from operators.outcomes.kept import NO_CLUSTER
from operators.outcomes.periods import days

_EXACT: Final = 2.0**53  # whole numbers up to it are exact as float64
MOVES: Final = 3
MOVE_COLUMNS: Final = 5
CLUSTER_MOVE_COLUMNS: Final = 5
_ENTRIES, _EXITS, _STAYED = range(MOVES)


@dataclass
class _Day:
    """What is added to one day: see `DayDelta`."""

    groups: Ints
    moves: Ints
    clusters: dict[tuple[int, int], tuple[Ints, Ints]] = field(default_factory=dict)


class Days:
    """The days that a message adds to.

    Args:
        segments: how many there are.
        width: how many numbers of a group's day.
    """

    def __init__(self, segments: int, width: int) -> None:
        self._segments, self._width = segments, width
        self._days: dict[int, _Day] = {}

    def add(self, day: Ints, groups: Ints, clusters: Ints, numbers: Ints, first: int) -> None:
        """Add numbers of n sessions or events, int64[n, some], from column `first` on.

        `groups` is int64[n, s], `clusters` int64[n, m].
        """
        for one in np.unique(day).tolist():
            at = np.flatnonzero(day == one)
            found, columns = self._day(one), slice(first, first + numbers.shape[1])
            flags = [groups[at] == group for group in range(GROUPS)]
            added = _product(np.concatenate(flags, axis=1), numbers[at])
            found.groups[:, :, columns] += added.reshape(GROUPS, self._segments, -1)
            for model in range(clusters.shape[1]):
                ids = np.unique(clusters[at, model])
                ids = ids[ids != NO_CLUSTER]
                added = _product(clusters[at, model][:, None] == ids, numbers[at])
                for id_, row in zip(ids.tolist(), added, strict=True):
                    self._cluster(found, model, id_)[0][columns] += row

    def add_moves(self, moved: Ints) -> None:
        """Add entries and exits: see `moves`."""
        segment, day, *numbers = moved
        for one in np.unique(day).tolist():
            at = np.flatnonzero(day == one)
            np.add.at(self._day(one).moves, segment[at], np.stack(numbers, axis=1)[at])

    def add_cluster_moves(self, moved: Ints) -> None:
        """Add moves between clusters, int64[5, n]: model, day, into, out of, microseconds stayed.

        NO_CLUSTER stands for none.
        """
        for model, day, into, out_of, stayed in moved.T.tolist():
            found = self._day(day)
            if into != NO_CLUSTER:
                self._cluster(found, model, into)[1][_ENTRIES] += 1
            if out_of != NO_CLUSTER:
                self._cluster(found, model, out_of)[1][[_EXITS, _STAYED]] += (1, stayed)

    def deltas(self) -> Iterator[DayDelta]:
        """What is to be told."""
        for day, found in self._days.items():
            clusters = [
                (model, id_, numbers.tobytes(), moves.tobytes())
                for (model, id_), (numbers, moves) in found.clusters.items()
            ]
            yield DayDelta(day, found.groups.tobytes(), found.moves.tobytes(), clusters)

    def _day(self, day: int) -> _Day:
        if day not in self._days:
            groups = np.zeros((GROUPS, self._segments, self._width), np.int64)
            self._days[day] = _Day(groups, np.zeros((self._segments, MOVES), np.int64))
        return self._days[day]

    def _cluster(self, day: _Day, model: int, id_: int) -> tuple[Ints, Ints]:
        none = np.zeros(self._width, np.int64), np.zeros(MOVES, np.int64)
        return day.clusters.setdefault((model, id_), none)


def moves(at_us: Moments, entries: Mask, exits: Mask, stayed_us: Ints) -> Ints:
    """Users enter and leave segments at moments, bool[n, s]; those who leave had stayed.

    Gives int64[5, moves]: segment, day, whether it is an entry, an exit, microseconds stayed.
    """
    user, segment = np.nonzero(entries | exits)
    place = (user, segment)
    stayed = np.where(exits[place], stayed_us[place], 0)
    return np.stack([segment, days(at_us[user]), entries[place], exits[place], stayed])


def _product(flags: Mask, numbers: Ints) -> Ints:
    """The sums of int64[n, w] where flags bool[n, g] are set, exactly: int64[g, w]."""
    if np.abs(numbers.astype(np.float64)).sum() < _EXACT:
        added = flags.T.astype(np.float64) @ numbers.astype(np.float64)
        sums: Ints = np.rint(added).astype(np.int64)
        return sums
    exact: Ints = flags.T.astype(np.int64) @ numbers
    return exact
