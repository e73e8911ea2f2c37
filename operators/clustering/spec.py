"""What a config says of a cluster model, and every mistake that can stand there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from operators.errors import Problem, nearest
from operators.frame import FeatureColumn, Kind

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MOST_CLUSTERS: Final = 1_000
# The first fit stalls the stream while it runs: 0.01 s for 500 profiles and 5 clusters, 2 s for
# 5,000 profiles and 1,000 clusters (12 dimensions, 2 cores).
LARGEST_WARM_START: Final = 5_000


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster model: what it looks at, how that is prepared and how fast it follows.

    `halflife` is River's: the share of its distance to a new profile that the nearest center
    moves, above 0 and at most 1. `warm_start` is the number of profiles that the first model
    is fitted to. A user stays in their cluster unless another is nearer by more than the share
    `stick` of the distance.
    """

    k: int
    features: tuple[str, ...]
    scale: Literal["minmax", "standard"] = "minmax"
    impute: Literal["median", "mean"] = "median"
    halflife: float = 0.02
    warm_start: int = 500
    stick: float = 0.1


def problems(name: str, spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> list[Problem]:
    """Every mistake in the model `name`, each with its path below `clusters`."""
    path = f"clusters.{name}"
    told = [Problem(path, message) for message in _name_problems(name, columns)]
    found = [*_range_problems(spec), *_feature_problems(spec, columns)]
    return [*told, *(Problem(f"{path}.{field}", message) for field, message in found)]


def cluster_column(name: str) -> str:
    """By which name conditions ask for a user's cluster in the model `name`."""
    return f"cluster_{name}"


def _name_problems(name: str, columns: Mapping[str, FeatureColumn]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "expected a name of letters, digits and _, up to 100 of them"
    if cluster_column(name) in columns:
        yield f"conditions ask for it as '{cluster_column(name)}', which is a feature, too"


def _range_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    if not 2 <= spec.k <= MOST_CLUSTERS:
        yield "k", f"expected a whole number from 2 to {MOST_CLUSTERS}, found {spec.k}"
    if not 0 < spec.halflife <= 1:
        yield "halflife", f"expected a number above 0 and at most 1, found {spec.halflife}"
    if not 0 <= spec.stick < 1:
        yield "stick", f"expected a number from 0 and below 1, found {spec.stick}"
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
