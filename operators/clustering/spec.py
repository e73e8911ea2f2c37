"""What a config says of a cluster model, and every mistake that can stand there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from operators.clustering.space import Space
from operators.errors import Problem, nearest
from operators.frame import FeatureColumn, Kind

ReplayedAlgorithm = Literal["streamkmeans", "dbstream", "denstream", "clustream"]

MOST_CLUSTERS: Final = 1_000
# The other algorithms sum up a sample in pure Python, again for each version: up to 3 s for 20.
MOST_REPLAYED_CLUSTERS: Final = 20
# The first fit stalls the stream while it runs: 0.01 s for 500 profiles and 5 clusters, 2 s for
# 5,000 profiles and 1,000 clusters (12 dimensions, 2 cores).
LARGEST_WARM_START: Final = 5_000


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster model: what it looks at, how that is prepared and how fast it follows.

    `halflife` is River's: the share of its distance to a new profile that the nearest center
    moves, above 0 and at most 1. `warm_start` is the number of profiles that the first model
    is fitted to. `log` names the features whose logarithm is taken, or leaves that to their
    tails; `pca` is the number of principal components that take the dimensions' place.
    """

    k: int
    features: tuple[str, ...]
    algorithm: Literal["kmeans"] | ReplayedAlgorithm = "kmeans"
    log: tuple[str, ...] | Literal["auto"] = ()
    impute: Literal["median", "mean", "model"] = "median"
    scale: Literal["minmax", "standard", "robust"] = "minmax"
    pca: int | None = None
    halflife: float = 0.02
    warm_start: int = 500


def problems(name: str, spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> list[Problem]:
    """Every mistake in the model `name`, each with its path below `clusters`."""
    found = [
        *_range_problems(spec),
        *_feature_problems(spec, columns),
        *_log_problems(spec, columns),
        *_pca_problems(spec, columns),
    ]
    return [Problem(f"clusters.{name}.{field}", message) for field, message in found]


def _range_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    most = MOST_CLUSTERS if spec.algorithm == "kmeans" else MOST_REPLAYED_CLUSTERS
    if not 2 <= spec.k <= most:
        by = "" if spec.algorithm == "kmeans" else f" with the algorithm {spec.algorithm}"
        yield "k", f"expected a whole number from 2 to {most}{by}, found {spec.k}"
    if not 0 < spec.halflife <= 1:
        yield "halflife", f"expected a number above 0 and at most 1, found {spec.halflife}"
    if not spec.k <= spec.warm_start <= LARGEST_WARM_START:
        yield (
            "warm_start",
            f"expected a whole number from k ({spec.k}) to {LARGEST_WARM_START}, "
            f"found {spec.warm_start}",
        )


def _feature_problems(
    spec: ClusterSpec, columns: Mapping[str, FeatureColumn]
) -> Iterator[tuple[str, str]]:
    if not spec.features:
        yield "features", "expected at least one feature, found none"
    for feature, times in Counter(spec.features).items():
        if times > 1:
            yield "features", f"expected each feature once, found '{feature}' {times} times"
        if feature not in columns:
            hint = nearest(feature, list(columns))
            yield "features", f"expected names of features, found '{feature}'{hint}"
        elif columns[feature].kind is Kind.CATEGORY and not columns[feature].categories:
            yield (
                "features",
                f"expected numbers or one-hot categories, found the text '{feature}': "
                f"give it one_hot: [...] under features.{feature}",
            )


def _log_problems(
    spec: ClusterSpec, columns: Mapping[str, FeatureColumn]
) -> Iterator[tuple[str, str]]:
    logs = () if spec.log == "auto" else spec.log
    for feature, times in Counter(logs).items():
        if times > 1:
            yield "log", f"expected each feature once, found '{feature}' {times} times"
        if feature not in spec.features:
            hint = nearest(feature, list(spec.features))
            yield "log", f"expected features of this model, found '{feature}'{hint}"
        elif feature in columns and columns[feature].kind is Kind.CATEGORY:
            yield "log", f"expected numbers or ages, found the category '{feature}'"


def _pca_problems(
    spec: ClusterSpec, columns: Mapping[str, FeatureColumn]
) -> Iterator[tuple[str, str]]:
    known = [name for name in dict.fromkeys(spec.features) if name in columns]
    dimensions = len(Space.of(known, columns))
    if spec.pca is not None and not 1 <= spec.pca <= dimensions:
        yield (
            "pca",
            f"expected a whole number from 1 to the {dimensions} dimensions of its features, "
            f"found {spec.pca}",
        )
