"""Names of clusters: in words what marks them, kept while it does, unless a person has a better.

The two or three strongest marks make a name; where nothing marks a cluster, its strongest
differences, small as they are ("somewhat fewer views"). The name before is kept while each of its
marks is still true by a lower bar (`claims.py`), so a cluster that moves a little is never renamed.
Where two would be called the same, the newer one is told apart by further marks of its own, then
by a small difference, and by its id if there are none. That is written with a #, since ids stand
in parentheses behind names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.base.frame import FeatureColumn
from operators.clustering.clusters import Cluster
from operators.clustering.identity.claims import Claims
from operators.clustering.identity.marks import Marks
from operators.clustering.identity.words import wordings
from operators.clustering.space import Space
from operators.clustering.spec import Pinned

LIKE_MOST: Final = "like most"  # of a cluster that does not differ from the rest at all
_MARKS: Final = 3  # of a name: with more it is no name


class Named(NamedTuple):
    """What a cluster is called, the marks that say what it is, and what a person says of it."""

    name: str
    marks: tuple[str, ...]
    description: str = ""


class Namer:
    """Names the clusters of one model from version to version.

    `pinned` are the names that people gave, by id: nobody else's is like one of them, whether
    there is a cluster with that id or not.
    """

    def __init__(
        self, space: Space, columns: Mapping[str, FeatureColumn], pinned: Mapping[int, Pinned]
    ) -> None:
        self._pinned = pinned
        words = wordings(space.dimensions, columns)
        self._claims = Claims(words)
        self._ages = np.array([wording.age for wording in words], bool)

    def name(
        self, points: Floats, cluster: Ints, ids: Ints, before: Sequence[Cluster]
    ) -> tuple[Named, ...]:
        """What clusters with ids int64[k] are called, in their order; no two alike.

        `points` are the raw profiles of a sample, float64[n, d] with NaN for missing, n at least
        1, `cluster` (int64[n]) is each one's row in `ids`, and `before` the clusters of the
        version before.
        """
        marks = Marks.of(points, self._ages, cluster, len(ids))
        taken = {_read(pinned.name) for pinned in self._pinned.values()}
        # Without members in the sample nothing is known of a cluster, and nothing held against it.
        empty = np.bincount(cluster, minlength=len(ids)) == 0
        old = {each.id: each for each in before}
        kept = {
            who: old[who]
            for row, who in enumerate(ids.tolist())
            if who in old and (empty[row] or self._claims.hold(old[who].marks, marks, row))
        }
        found: dict[int, Named] = {}
        rows = {who: row for row, who in enumerate(ids.tolist())}
        # Those that keep their marks first: so they keep their names, too.
        for who in sorted(rows, key=lambda who: (who not in kept, who)):
            options = self._options(who, marks, rows[who], kept.get(who))
            found[who] = self._pin(who, options, taken)
            taken.add(_read(found[who].name))
        return tuple(found[who] for who in ids.tolist())

    def _options(self, who: int, marks: Marks, row: int, kept: Cluster | None) -> Iterator[Named]:
        """What a cluster may be called, the best first, without end."""
        if kept is not None and kept.name in _names(who, kept.marks):
            yield Named(kept.name, kept.marks)
        true, somewhat = self._claims.of(marks, row), self._claims.somewhat(marks, row)
        said = (true or somewhat)[:_MARKS] if kept is None else kept.marks
        yield Named(_text(said), said)
        longer = [true[:end] for end in range(_MARKS + 1, len(true) + 1)]
        for more in (*longer, *((*said, small) for small in somewhat if small not in said)):
            yield Named(_text(more), more)
        yield from (Named(name, said) for name in _names(who, said))
        for number in count(2):  # somebody may have pinned even that
            yield Named(f"{_text(said)} #{who}.{number}", said)

    def _pin(self, who: int, options: Iterator[Named], taken: set[frozenset[str]]) -> Named:
        """The first of the options that is free; a name that a person gave is free to nobody."""
        pinned = self._pinned.get(who)
        if pinned is not None:
            return Named(pinned.name, next(options).marks, pinned.description)
        return next(each for each in options if _read(each.name) not in taken)


def _names(who: int, said: Sequence[str]) -> tuple[str, str]:
    """The names that a cluster has by these marks: alone, and among others with the same."""
    return _text(said), f"{_text(said)} #{who}"


def _text(said: Sequence[str]) -> str:
    return ", ".join(said) or LIKE_MOST


def _read(name: str) -> frozenset[str]:
    """What a reader takes in of a name: neither the order of its marks nor their letters' case."""
    return frozenset(name.casefold().split(", "))
