"""The first centers of a model: a batch k-means over the first profiles."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints
from operators.clustering.learning.settling import populated

# Points closer than this in scaled space are one point to the fit: scikit-learn's distances
# can't tell them apart for sure.
DECIMALS: Final = 5
# Of ten starts by k-means++ the best; a single one ends in a poor optimum now and then.
STARTS: Final = 10


def first_centers(scaled: Floats, k: int, seed: int, starts: int = STARTS) -> Floats:
    """Centers float64[<= k, d] of scaled points float64[n, d], n at least 1.

    k-means++ (Arthur and Vassilvitskii, 2007) and Lloyd's algorithm (1982) by scikit-learn, the
    best of so many starts. There are no more centers than distinct points, and each is the
    nearest of at least one point.
    """
    distinct, weights = np.unique(scaled.round(DECIMALS), axis=0, return_counts=True)
    rough = weighted_centers(distinct, weights, min(k, len(distinct)), seed, starts)
    # One more step of Lloyd's, on the points as they are.
    return populated(scaled, rough)


def weighted_centers(
    distinct: Floats, weights: Ints, k: int, seed: int, starts: int = STARTS
) -> Floats:
    """The k centers of at least k distinct points float64[n, d] that count as many each."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - 0.9 s, only where models are learned

    fit = KMeans(k, n_init=starts, random_state=seed).fit(distinct, sample_weight=weights)
    return np.asarray(fit.cluster_centers_)
