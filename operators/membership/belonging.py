"""Where users belong by each model, as records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import isfinite
from typing import Final

from operators.base.arrays import Ints, Moments
from operators.base.moments import iso
from operators.clustering.explaining import Explainer
from operators.clustering.model import ClusterModel
from operators.clustering.space import Space
from operators.clustering.wording import Phrases
from operators.contracts.records import Belonging
from operators.membership.clusterings import NO_CLUSTER, Placed

_VERSIONS: Final = 16  # of models whose explanations are at hand, older ones are let go


def belongings(
    placed: Sequence[Placed], positions: Ints, since_us: Moments
) -> list[dict[str, Belonging]]:
    """Of the users at these positions their clusters by model.

    `since_us` is int64[positions, placed], since when they are in them, 0 if that is not known.
    """
    names = [each.clustering.name for each in placed]
    if not placed:
        return [{}] * len(positions)
    by_model = [_belongings(each, positions, since_us[:, at]) for at, each in enumerate(placed)]
    return [dict(zip(names, own, strict=True)) for own in zip(*by_model, strict=True)]


def first_ids(ids: Ints) -> list[int | None]:
    """The clusters' ids in the first model, of int64[n, models]; None without one."""
    if not ids.shape[1]:
        return [None] * len(ids)
    return [None if id_ == NO_CLUSTER else id_ for id_ in ids[:, 0].tolist()]


def _belongings(placed: Placed, positions: Ints, since_us: Moments) -> Iterator[Belonging]:
    model, found = placed.model, placed.found
    rows, points = found.cluster[positions], placed.points[positions]
    explainer, phrases = _explanations(model, placed.clustering.space)
    told = explainer.explain(points, rows)
    names = _names(placed)
    columns = (rows, found.distance[positions], found.margin[positions], *told, points, since_us)
    texts = iso(since_us)
    for own, distance, margin, following, share, outlier, deciding, point, since, text in zip(
        *(column.tolist() for column in columns), texts, strict=True
    ):
        yield Belonging(
            cluster=model.clusters[own].id,
            name=names[own],
            distance=distance,
            share=share,
            model=model.version,
            margin=margin if isfinite(margin) else None,
            outlier=outlier,
            since=text if since else None,
            why=[phrases.phrase(at, point[at], own, following) for at in deciding if at >= 0],
        )


def _names(placed: Placed) -> list[str]:
    """What the clusters are called: a name that a person gave since the version holds at once."""
    pinned = placed.clustering.spec.pinned
    clusters = placed.model.clusters
    return [pinned[each.id].name if each.id in pinned else each.name for each in clusters]


@lru_cache(_VERSIONS)
def _explanations(model: ClusterModel, space: Space) -> tuple[Explainer, Phrases]:
    """What explains the clusters of a version; few users change at a time, and many times."""
    return Explainer(model, space), Phrases(model, space)
