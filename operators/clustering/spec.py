"""What a config says of a cluster model, and every mistake that can stand there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from operators.errors import Problem, nearest
from operators.frame import FeatureColumn, Kind

MOST_CLUSTERS: Final = 1_000
# The first fit stalls the stream while it runs: 0.01 s for 500 profiles and 5 clusters, 2 s for
# 5,000 profiles and 1,000 clusters (12 dimensions, 2 cores).
LARGEST_WARM_START: Final = 5_000


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster model: what it looks at, how that is prepared and how fast it follows.

    `halflife` is River's: the share of its distance to a new profile that the nearest center
    moves, above 0 and at most 1. `warm_start` is the number of profiles that the first model
    is fitted to.
    """

    k: int
    features: tuple[str, ...]
    scale: Literal["minmax", "standard"] = "minmax"
    impute: Literal["median", "mean"] = "median"
    halflife: float = 0.02
    warm_start: int = 500


def problems(name: str, spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> list[Problem]:
    """Every mistake in the model `name`, each with its path below `clusters`."""
    found = [*_range_problems(spec), *_feature_problems(spec, columns)]
    return [Problem(f"clusters.{name}.{field}", message) for field, message in found]


def _range_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    if not 2 <= spec.k <= MOST_CLUSTERS:
        yield "k", f"expected a whole number from 2 to {MOST_CLUSTERS}, found {spec.k}"
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
        elif columns[feature].kind is Kind.LIST:
            yield "features", f"expected numbers or one-hot categories, found the list '{feature}'"
        elif columns[feature].kind is Kind.CATEGORY and not columns[feature].categories:
            yield (
                "features",
                f"expected numbers or one-hot categories, found the text '{feature}': "
                f"give it one_hot: [...] under features.{feature}",
            )
