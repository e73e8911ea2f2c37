"""How many users get another cluster's id although they behave as before?

`python -m tests.benchmarks.churn` makes the profiles of the demo's simulated shoppers, fits k-means
to the same profiles again and again, each time from another seed, matches ids from fit to fit, and
prints the share of users whose id changed: with ids matched, and with rows for ids. Where fits end
in other optima no matching helps, so it prints, too, what comes of a model that keeps its own
centers, settled, unless those of a new fit are better.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.cluster import KMeans
from sklearn.preprocessing import minmax_scale, scale
from threadpoolctl import threadpool_limits

from operators.base.arrays import Floats
from operators.clustering.identity.matching import KnownClusters, match
from operators.clustering.nearest import nearest
from tests.benchmarks.profile_streams import personas, week

FITS: Final = 10
KS: Final = (4, 6, 8)
COLUMNS: Final = ("ids matched", "worst fit", "rows as ids", "inertia apart")
SCALES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "minmax": minmax_scale,
    "log": lambda points: scale(np.log1p(points)),
}


class Churn(NamedTuple):
    """The share of users whose cluster changed from one fit to the next, over all fits.

    The mean and the worst with ids matched, the mean with rows for ids, and by how much the worst
    fit's inertia is above the best one's.
    """

    mean: float
    worst: float
    rows: float
    inertia_spread: float


def churn(scaled: Floats, k: int, fits: int = FITS, keeping: bool = False) -> Churn:
    """Fit scaled profiles float64[n, d] `fits` times again, each from another seed.

    With `keeping`, Lloyd's algorithm starts from the fit before, too, and its end stays unless
    the new fit's inertia is lower.
    """
    with threadpool_limits(1):
        models = list(_fits(scaled, k, fits, keeping))
    centers = [model.cluster_centers_ for model in models]
    rows = [nearest(scaled, each).cluster for each in centers]
    known = KnownClusters(np.arange(k), centers[0], k)
    changed = []
    for (was, now), after in zip(pairwise(rows), centers[1:], strict=True):
        matched = match(known, after, was, now)
        changed.append(float((known.ids[was] != matched.ids[now]).mean()))
        known = KnownClusters(matched.ids, after, matched.next_id)
    inertia = [model.inertia_ for model in models]
    by_row = float(np.mean([(was != now).mean() for was, now in pairwise(rows)]))
    return Churn(float(np.mean(changed)), max(changed), by_row, max(inertia) / min(inertia) - 1)


def _fits(scaled: Floats, k: int, fits: int, keeping: bool) -> Iterator[KMeans]:
    before = None
    for seed in range(fits + 1):
        found = [KMeans(k, n_init=10, random_state=seed).fit(scaled)]
        if keeping and before is not None:
            found.append(KMeans(k, init=before.cluster_centers_, n_init=1).fit(scaled))
        before = min(found, key=lambda model: model.inertia_)
        yield before


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=4_096)
    parser.add_argument("--seed", type=int, default=1, help="of the simulation")
    options = parser.parse_args()
    points = personas(week(options.users, options.seed)).everyone.points
    table = Table(title=f"users whose cluster changed from fit to fit, of {options.users:,}")
    for column in ("scale", "k", *COLUMNS, "keeping its own", "worst fit"):
        table.add_column(column, justify="right")
    for name, scaling in SCALES.items():
        for k in KS:
            scaled = scaling(points)
            shares = (*churn(scaled, k), *churn(scaled, k, keeping=True)[:2])
            table.add_row(name, str(k), *(f"{100 * share:.2f}%" for share in shares))
    Console().print(table)


if __name__ == "__main__":
    main()
