"""Which clusters of a new version are those of the version before, and what became of the others.

Identity goes by members first and by place second. A pair of clusters, one of either version,
may be one and the same if they share at least half of the members of the smaller and a quarter of
those of the larger: so the larger part of a cluster that was split is still it, and so is one that
has taken in another, but one that got just a slice of it is not. Where one of a pair has no
members in the sample they tell nothing, and the pair may be the same if the centers are closer
than half the way from the one before to its next neighbour: then no other is as close.

Of all ways to pair them one to one, that one is taken by which the most users keep their id, and
of several such ways the one whose centers are closest: an assignment problem (Kuhn, 1955). What
is left over is told by the transitions of MONIC (Spiliopoulou et al., 2006): merged into whatever
took at least a quarter of its members, split from whatever gave at least a quarter of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.clusters import Act
from operators.clustering.nearest import apart, squared_distances

# Of the members of the smaller of two clusters: with less, most of it is somewhere else. MONIC's
# threshold of survival.
SAME: Final = 0.5
# Of the members of a cluster that came from, or went to, another. Less is the fuzz at borders,
# and what a center between others takes of each.
PART: Final = 0.25
NOWHERE: Final = -1  # in place of a row of the centers before
_NONE: Final = -1  # in place of an id
_SMALLEST: Final = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class KnownClusters:
    """The clusters of a version: ids int64[k], centers float64[k, d], and the next free id."""

    ids: Ints
    centers: Floats
    next_id: int


@dataclass(frozen=True, eq=False)
class Matched:
    """Who the clusters of a new version are: ids int64[k], in the order of its centers.

    `acts` tells of those that ended, then of those that are new; one that is neither was kept.
    `next_id` is larger than any id so far.
    """

    ids: Ints
    acts: tuple[Act, ...]
    next_id: int


def match(before: KnownClusters, centers: Floats, was: Ints, now: Ints) -> Matched:
    """Give ids to the clusters around new centers float64[k, d].

    The centers before are in the same scaled space. `was` and `now`, int64[n], say for each user
    of a sample which row of the centers before, and of the new ones, they belong to by the same
    profile: who only behaves otherwise by now changes nobody's identity. -1 in `was` is for who
    was nowhere: one that has come since, or was far off all clusters; a cluster mostly of such
    users is born.
    """
    flows = _flows(was, now, len(before.ids), len(centers))
    rows, columns = _pairs(before.centers, centers, flows[:-1])
    ids = np.full(len(centers), _NONE, np.int64)
    ids[columns] = before.ids[rows]
    new = ids == _NONE
    next_id = before.next_id + int(np.count_nonzero(new))
    ids[new] = np.arange(before.next_id, next_id)
    ended = np.setdiff1d(np.arange(len(before.ids)), rows)
    acts = (*_endings(before.ids, ids, flows[:-1], ended), *_beginnings(before.ids, ids, flows))
    return Matched(ids, acts, next_id)


def _flows(was: Ints, now: Ints, k_before: int, k: int) -> Ints:
    """How many users went from where to where, int64[k_before + 1, k]; the last from nowhere."""
    from_row = np.where(was == NOWHERE, k_before, was)
    counts = np.bincount(from_row * k + now, minlength=(k_before + 1) * k)
    flows: Ints = counts.reshape(k_before + 1, k)
    return flows


def _pairs(before: Floats, after: Floats, shared: Ints) -> tuple[Ints, Ints]:
    """Rows and columns of the pairs that are the same cluster."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - 0.2 s, where models are made

    worth = _worth(before, after, shared)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    chosen = np.flatnonzero(worth[rows, columns] > 0)
    return rows[chosen], columns[chosen]


def _worth(before: Floats, after: Floats, shared: Ints) -> Floats:
    """What it is worth to call a pair the same, float64[k_before, k]; 0 where it is not.

    A shared user outweighs all that closeness, from 1/2 to 1 a pair, may come to.
    """
    sizes_before, sizes = shared.sum(axis=1), shared.sum(axis=0)
    smaller, larger = np.minimum.outer(sizes_before, sizes), np.maximum.outer(sizes_before, sizes)
    overlap = (shared >= SAME * smaller) & (shared >= PART * larger)
    distance, reach = np.sqrt(squared_distances(after, before)), _reach(before)
    same = np.where(smaller > 0, overlap, distance <= reach[:, np.newaxis])
    closeness = 1 - distance / max(2 * distance.max(initial=0.0), _SMALLEST)
    return np.where(same, shared * (min(shared.shape) + 1) + closeness, 0.0)


def _reach(before: Floats) -> Floats:
    """Half the distance of each center to the nearest other, float64[k]; infinite for one."""
    nearest: Floats = apart(before).min(axis=1, initial=np.inf)
    return nearest / 2


def _endings(before: Ints, ids: Ints, shared: Ints, ended: Ints) -> Iterator[Act]:
    for row in sorted(ended.tolist(), key=lambda row: int(before[row])):
        into = ids[_parts(shared[row])]
        yield _act("merged" if len(into) else "died", before[row], into)


def _beginnings(before: Ints, ids: Ints, flows: Ints) -> Iterator[Act]:
    for column in np.flatnonzero(~np.isin(ids, before)).tolist():
        *known, nowhere = flows[:, column].tolist()
        if nowhere >= SAME * (nowhere + sum(known)):
            yield _act("born", ids[column], before[:0])
        else:
            out_of = before[_parts(np.array(known), nowhere)]
            yield _act("split" if len(out_of) else "born", ids[column], out_of)


def _parts(counts: Ints, others: int = 0) -> Ints:
    """The positions that hold a part of all users, of whom `others` are elsewhere, most first."""
    order = np.argsort(-counts, kind="stable")
    least = max(PART * (int(counts.sum()) + others), 1)
    return order[counts[order] >= least]


def _act(kind: Literal["born", "split", "merged", "died"], who: int, others: Ints) -> Act:
    return Act(kind, int(who), tuple(others.tolist()))
