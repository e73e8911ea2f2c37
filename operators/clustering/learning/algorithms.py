"""River's other algorithms, each replayed over a sample: what it keeps of it becomes centers.

They sum up a stream, in small clusters or in more centers than are wanted, and make clusters of
the summary when they are asked: their authors' online and offline phases. River does the first.
What it does for the second loses clusters (a random start that many centers never leave) or
parts them, so centers are made of the summary here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from operators.base.arrays import Floats
from operators.clustering.learning.settling import populated
from operators.clustering.learning.warm_start import DECIMALS, weighted_centers
from operators.clustering.nearest import nearest, squared_distances
from operators.clustering.spec import ReplayedAlgorithm

Row = dict[int, float]  # whole numbers as keys: kmeans.py says why
Summary = list[Mapping[int, float]]  # centers, each a point of p dimensions

# So many points of a sample are replayed, evenly taken: in 0.1 to 1.5 s with 8 dimensions, and up
# to 3 s where nothing clusters.
MOST_REPLAYED: Final = 2_000
# So many tell the sample's distances; a median of them is known to a few percent.
_MEASURED: Final = 500
# STREAM and CluStream want several times as many as there are clusters. Pairs of CluStream's are
# searched at every merge.
_CENTERS_PER_CLUSTER: Final = 5
_MICRO_CLUSTERS: Final = 50
# Points of one place have no radius for CluStream, and every one of them would have it search.
# So far apart, as part of the spread, they are no different for what is made of them.
_BESIDE: Final = 1e-3
# Points in one batch of STREAM.
_CHUNK: Final = 200
# A center with less than this part of an average cluster's points is noise.
_LEAST_OF_AVERAGE: Final = 0.1


def fit(algorithm: ReplayedAlgorithm, scaled: Floats, k: int, seed: int) -> Floats:
    """Centers float64[k', p] of scaled points float64[n, p], n at least 1, replayed in order.

    k' is at most k with `streamkmeans` and `clustream`. The density-based `dbstream` and
    `denstream` find their own number, up to 10 k, where k says how fine they look. It is 1 at
    least, and each center is the nearest of a point or more. The same points give the same centers.
    """
    center = scaled.mean(axis=0)
    spread = float(np.abs(scaled - center).max())
    if spread == 0:
        return scaled[:1].copy()
    unit = (scaled - center) / spread  # no power of a coordinate overflows or vanishes
    replayed = unit[:: -(-len(unit) // MOST_REPLAYED)]
    summary = _SUMMARIES[algorithm](replayed, k, seed)
    centers = np.array([[row[at] for at in range(unit.shape[1])] for row in summary])
    if not len(centers):
        centers = np.zeros((1, unit.shape[1]))
    if algorithm in ("streamkmeans", "clustream"):
        centers = _fewer(unit, centers, k, seed)
    fewest = len(unit) / k * _LEAST_OF_AVERAGE
    settled = populated(unit, populated(unit, centers, fewest), fewest)
    return np.asarray(settled * spread + center)


def _streamkmeans(points: Floats, k: int, seed: int) -> Summary:
    """STREAM (O'Callaghan et al., 2002): k-means in chunks, then over the chunks' centers."""
    from river import cluster  # noqa: PLC0415 - like all of River, only where models are learned

    river = cluster.STREAMKMeans(
        # The last points that fill no chunk are never learned: there are few.
        chunk_size=len(points) // max(len(points) // _CHUNK, 1),
        n_clusters=k * _CENTERS_PER_CLUSTER,
        halflife=0.1,
        sigma=float(points.std()),
        seed=seed,
    )
    _replay(river.learn_one, points)
    return list(river.centers.values())


def _clustream(points: Floats, k: int, seed: int) -> Summary:
    """CluStream (Aggarwal et al., 2003): micro-clusters, the closest merged to make room."""
    from river import cluster  # noqa: PLC0415

    river = cluster.CluStream(
        n_macro_clusters=k,
        max_micro_clusters=min(_MICRO_CLUSTERS, len(points)),
        # River takes the mean deviation of a dimension for that of a distance.
        micro_cluster_r_factor=2 * points.shape[1] ** 0.5,
        time_window=max(len(points) // 4, 1),  # outliers leave after it, or make others merge
        time_gap=len(points) + 1,  # never: centers are made of micro-clusters here
        seed=seed,
    )
    beside = np.random.default_rng(seed).normal(scale=_BESIDE, size=points.shape)
    _replay(river.learn_one, points + beside)
    return [micro.center for micro in river.micro_clusters.values()]


def _dbstream(points: Floats, k: int, seed: int) -> Summary:
    """DBSTREAM (Hahsler and Bolanos, 2016): micro-clusters, joined where they share points."""
    from river import cluster  # noqa: PLC0415

    river = cluster.DBSTREAM(
        clustering_threshold=_grain(points, k),
        fading_factor=1 / len(points),
        cleanup_interval=max(len(points) // 4, 2),
    )
    _replay(river.learn_one, points)
    return list(river.centers.values())


def _denstream(points: Floats, k: int, seed: int) -> Summary:
    """DenStream (Cao et al., 2006): a start by DBSCAN, then potential and outlier clusters."""
    from river import cluster  # noqa: PLC0415

    start = min(len(points), _MEASURED)
    river = cluster.DenStream(
        decaying_factor=25 / len(points),  # after a replay a point weighs 2^-0.25
        beta=0.5,
        mu=max(start / (5 * k), 3),
        # As wide as a cluster: River's radii are too small, mostly 0, to join two of them.
        epsilon=2 * _grain(points, k),
        n_samples_init=start,
    )
    _replay(river.learn_one, points)
    river.predict_one(dict(enumerate(points[0].tolist())))  # makes the clusters
    return list(river.centers.values())


_SUMMARIES: Final[dict[ReplayedAlgorithm, Callable[[Floats, int, int], Summary]]] = {
    "streamkmeans": _streamkmeans,
    "clustream": _clustream,
    "dbstream": _dbstream,
    "denstream": _denstream,
}


def _replay(learn_one: Callable[[Row], None], points: Floats) -> None:
    for row in points.tolist():
        learn_one(dict(enumerate(row)))


def _grain(points: Floats, k: int) -> float:
    """About how far a cluster's points are from each other, given that there are some k.

    The median distance to the neighbour within which there is half an average cluster:
    the k-distance of Ester et al. (1996).
    """
    some = points[:: -(-len(points) // _MEASURED)]
    apart = np.sqrt(squared_distances(some, some))
    neighbour = min(max(len(some) // (2 * k), 1), len(some) - 1)
    typical = np.median(np.sort(apart, axis=1)[:, neighbour])
    # Where many points are the same, no finer than a part of the usual distance.
    return float(max(typical, apart.mean() / 50)) or 1.0


def _fewer(points: Floats, centers: Floats, k: int, seed: int) -> Floats:
    """At most k centers of the many, each of which weighs as many points as it is nearest to."""
    centers = np.unique(centers.round(DECIMALS), axis=0)
    held, weights = np.unique(nearest(points, centers).cluster, return_counts=True)
    return centers[held] if len(held) <= k else weighted_centers(centers[held], weights, k, seed)
