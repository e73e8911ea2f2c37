"""What a config says of a cluster model, and every mistake that can stand there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from operators.base.errors import Problem, nearest
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.space import Space

ReplayedAlgorithm = Literal["streamkmeans", "dbstream", "denstream", "clustream"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# A version takes 1 s with 200 clusters (12 dimensions), in which Learn may hold up the stream, and
# each has some twenty users of the sample.
MOST_CLUSTERS: Final = 200
# The other algorithms sum up a sample in pure Python, again for each version: up to 3 s for 20.
MOST_REPLAYED_CLUSTERS: Final = 20
LARGEST_WARM_START: Final = 5_000  # profiles; more users than that are never in the sample
# Of `k: auto`: every number in the range is fitted, about 0.1 s each with 2,000 profiles.
MOST_CHOSEN: Final = 50
K_RANGE: Final = (2, 10)
AUTO: Final = "auto"
LARGEST_ID: Final = 2**53 - 1  # conditions compare ids as float64
LONGEST_NAME: Final = 100  # characters: a name stands in a line


class Pinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person calls a cluster, and how they describe it."""

    name: str
    description: str = ""


class ClusterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cluster model: what it looks at, how that is prepared and how fast it follows.

    `halflife` is River's: the share of its distance to a new profile that the nearest center
    moves between two versions, above 0 and at most 1; the other algorithms have no use for it.
    With so many evaluated profiles as `warm_start`, of as many users or fewer, comes the first
    version. With `k: auto` the number of clusters is chosen from `k_range`, both ends of it
    included. `log` names the features whose logarithm is taken, or leaves that to their tails;
    `pca` is the number of principal components that take the dimensions' place. `names` pins
    names to clusters by their ids. A user stays in their cluster unless another is nearer by
    more than the share `stick` of the distance.
    """

    k: int | str  # a number, or AUTO
    features: tuple[str, ...]
    k_range: tuple[int, int] | None = None
    algorithm: Literal["kmeans"] | ReplayedAlgorithm = "kmeans"
    log: tuple[str, ...] | Literal["auto"] = ()
    impute: Literal["median", "mean", "model"] = "median"
    scale: Literal["minmax", "standard", "robust"] = "minmax"
    pca: int | None = None
    halflife: float = 0.02
    warm_start: int = 500
    stick: float = 0.1
    names: dict[int, str | Pinned] = {}

    @property
    def k_between(self) -> tuple[int, int]:
        """The fewest and the most clusters that there may be."""
        return (self.k, self.k) if isinstance(self.k, int) else self.k_range or K_RANGE

    @property
    def pinned(self) -> dict[int, Pinned]:
        """The pinned names by cluster's id."""
        return {
            who: Pinned(name) if isinstance(name, str) else name for who, name in self.names.items()
        }


def problems(name: str, spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> list[Problem]:
    """Every mistake in the model `name`, each with its path below `clusters`."""
    path = f"clusters.{name}"
    found = [
        *_k_problems(spec),
        *_range_problems(spec),
        *_feature_problems(spec, columns),
        *_log_problems(spec, columns),
        *_pca_problems(spec, columns),
        *_pinned_problems(spec),
    ]
    return [
        *(Problem(path, message) for message in _name_problems(name, columns)),
        *(Problem(f"{path}.{field}", message) for field, message in found),
    ]


def cluster_column(name: str) -> str:
    """By which name conditions ask for a user's cluster in the model `name`."""
    return f"cluster_{name}"


def _name_problems(name: str, columns: Mapping[str, FeatureColumn]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "expected a name of letters, digits and _, up to 100 of them"
    if cluster_column(name) in columns:
        yield f"conditions ask for it as '{cluster_column(name)}', which is a feature, too"


def _k_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    fewest, most = spec.k_between
    limit = MOST_CLUSTERS if spec.algorithm == "kmeans" else MOST_REPLAYED_CLUSTERS
    if spec.k != AUTO and not (isinstance(spec.k, int) and 2 <= spec.k <= limit):
        by = "" if spec.algorithm == "kmeans" else f" with the algorithm {spec.algorithm}"
        found = f"'{spec.k}'" if isinstance(spec.k, str) else spec.k
        yield "k", f"expected {AUTO} or a whole number from 2 to {limit}{by}, found {found}"
    if spec.k_range is None:
        return
    if spec.k != AUTO:
        yield "k_range", f"expected it beside 'k: {AUTO}' only, found it beside 'k: {spec.k}'"
    elif not 2 <= fewest < most <= min(MOST_CHOSEN, limit):
        yield (
            "k_range",
            f"expected two whole numbers from 2 to {min(MOST_CHOSEN, limit)}, the smaller one "
            f"first, found [{fewest}, {most}]",
        )


def _range_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    if not 0 < spec.halflife <= 1:
        yield "halflife", f"expected a number above 0 and at most 1, found {spec.halflife}"
    if not 0 <= spec.stick < 1:
        yield "stick", f"expected a number from 0 and below 1, found {spec.stick}"
    most = spec.k_between[1]
    if not most <= spec.warm_start <= LARGEST_WARM_START:
        yield (
            "warm_start",
            f"expected a whole number from the most clusters ({most}) to {LARGEST_WARM_START}, "
            f"found {spec.warm_start}",
        )


def _pinned_problems(spec: ClusterSpec) -> Iterator[tuple[str, str]]:
    for who, pinned in spec.pinned.items():
        if not 0 <= who <= LARGEST_ID:
            yield "names", f"expected ids of clusters, from 0 to {LARGEST_ID}, found {who}"
        name = pinned.name
        if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
            yield (
                f"names.{who}",
                f"expected a name of 1 to {LONGEST_NAME} characters in one line, without blanks "
                f"around it, found {name!r}",
            )
    names = Counter(pinned.name.casefold() for pinned in spec.pinned.values())
    for who, pinned in spec.pinned.items():
        if names[pinned.name.casefold()] > 1:
            yield f"names.{who}", f"expected each name once, found '{pinned.name}' more often"


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
