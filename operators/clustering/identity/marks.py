"""What marks each cluster against the rest: a robust standardised difference a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints

_SAME: Final = 1e-9  # deviations below this are rounding: all values are the same


@dataclass(frozen=True, eq=False)
class Marks:
    """How k clusters differ from the rest in d dimensions; all of it finite.

    `strength` is float64[k, d], in standard deviations, above 0 where members have more than the
    rest. `nothing` is float64[k, d], the share of members who have 0, or of an age none at all.
    """

    strength: Floats
    nothing: Floats

    @classmethod
    def of(cls, points: Floats, ages: NDArray[np.bool_], cluster: Ints, k: int) -> Marks:
        """The marks of clusters with members among users with raw points float64[n, d].

        `ages` is bool[d], `cluster` int64[n] each user's row of 0 to k - 1. A missing number
        tells nothing; of an age it tells that it never happened, which is longest ago. The
        difference is that of the means of van der Waerden's normal scores (1952), so neither
        units nor heavy tails nor infinities count.
        """
        values = np.where(ages & np.isnan(points), np.inf, points)
        nothing = values == np.where(ages, np.inf, 0.0)
        inside, outside = _means(_scores(values), cluster, k)
        return cls(strength=inside - outside, nothing=_means(nothing, cluster, k)[0])


def _scores(values: Floats) -> Floats:
    """Normal scores by dimension, with deviation 1; 0 for what is missing, or all the same."""
    from scipy.special import ndtri  # noqa: PLC0415 - 0.2 s, where models are made
    from scipy.stats import rankdata  # noqa: PLC0415 - as above

    known = np.count_nonzero(~np.isnan(values), axis=0)
    ranks = rankdata(values, axis=0, nan_policy="omit")
    scores = np.nan_to_num(ndtri((ranks - 0.5) / np.maximum(known, 1)))
    deviation = scores.std(axis=0)
    scaled: Floats = np.where(deviation > _SAME, scores / np.maximum(deviation, _SAME), 0.0)
    return scaled


def _means(columns: Floats, cluster: Ints, k: int) -> tuple[Floats, Floats]:
    """Means of members and of all others, float64[k, d] each; without any the mean of all."""
    member = (cluster == np.arange(k)[:, np.newaxis]).astype(np.float64)
    counts = member.sum(axis=1)[:, np.newaxis]
    sums, total = member @ columns, columns.sum(axis=0)
    everyone, n = total / len(cluster), len(cluster)
    inside = np.where(counts > 0, sums / np.maximum(counts, 1), everyone)
    outside = np.where(counts < n, (total - sums) / np.maximum(n - counts, 1), everyone)
    return inside, outside
