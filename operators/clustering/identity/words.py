"""How a dimension is spoken of: many views, recent cart, no purchase, mostly mobile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from operators.base.frame import FeatureColumn, Kind
from operators.clustering.space import Dimension

_SINCE: Final = re.compile(r"^(time_)?since_")
_WINDOW: Final = re.compile(r"_(\d+(us|ms|s|m|h|d|w)|session|lifetime)$")


class Claim(Enum):
    """What can be said of a cluster in a dimension."""

    MORE = "more"  # members have more than the rest
    LESS = "less"
    NOTHING = "nothing"  # hardly a member has any
    MOST = "most"  # of a category: most members are of it
    SOMEWHAT_MORE = "somewhat more"  # a difference that is there, and that nobody would see
    SOMEWHAT_LESS = "somewhat less"


_COUNT: Final = {
    Claim.MORE: "many {}",
    Claim.LESS: "few {}",
    Claim.NOTHING: "no {}",
    Claim.SOMEWHAT_MORE: "somewhat more {}",
    Claim.SOMEWHAT_LESS: "somewhat fewer {}",
}
_LEVEL: Final = {
    Claim.MORE: "high {}",
    Claim.LESS: "low {}",
    Claim.SOMEWHAT_MORE: "somewhat higher {}",
    Claim.SOMEWHAT_LESS: "somewhat lower {}",
}
_AMOUNT: Final = {**_LEVEL, Claim.NOTHING: "no {}"}
_AGE: Final = {
    Claim.MORE: "{} long ago",
    Claim.LESS: "recent {}",
    Claim.NOTHING: "no {}",
    Claim.SOMEWHAT_MORE: "{} somewhat longer ago",
    Claim.SOMEWHAT_LESS: "somewhat more recent {}",
}
_CATEGORY: Final = {
    Claim.MORE: "often {}",
    Claim.LESS: "rarely {}",
    Claim.NOTHING: "not {}",
    Claim.MOST: "mostly {}",
    Claim.SOMEWHAT_MORE: "somewhat more often {}",
    Claim.SOMEWHAT_LESS: "somewhat less often {}",
}


@dataclass(frozen=True)
class Wording:
    """The words for each claim that can be made in a dimension, and whether it is an age."""

    phrases: Mapping[Claim, str]
    age: bool


def wordings(
    dimensions: Sequence[Dimension], columns: Mapping[str, FeatureColumn]
) -> tuple[Wording, ...]:
    """The words for dimensions over the columns of their features.

    Windows are left out, `views_7d` being views, but where two features would read alike.
    """
    labels = _feature_labels([columns[name] for name in {x.feature: None for x in dimensions}])
    categories = Counter(each.category for each in dimensions)
    return tuple(
        _wording(each, columns[each.feature], labels[each.feature], categories)
        for each in dimensions
    )


def _wording(
    dimension: Dimension, column: FeatureColumn, label: str, categories: Counter[str | None]
) -> Wording:
    if dimension.category is not None:
        alone = categories[dimension.category] == 1 and dimension.category.strip()
        label = dimension.category if alone else f"{label} '{dimension.category}'"
    forms = _forms(dimension, column)
    phrases = {claim: form.replace("{}", label) for claim, form in forms.items()}
    return Wording(phrases, age=column.kind is Kind.AGE)


def _forms(dimension: Dimension, column: FeatureColumn) -> Mapping[Claim, str]:
    if dimension.category is not None:
        return _CATEGORY
    if column.kind is Kind.AGE:
        return _AGE
    if column.counts:
        return _COUNT
    return _AMOUNT if column.empty == 0 else _LEVEL


def _feature_labels(columns: Sequence[FeatureColumn]) -> dict[str, str]:
    """The shortest label of each feature that no other feature has; else its name."""
    ways = {column.name: list(_labels(column)) for column in columns}
    taken = [Counter(labels[at] for labels in ways.values()) for at in range(3)]
    return {
        name: next((each for at, each in enumerate(labels) if taken[at][each] == 1), labels[-1])
        for name, labels in ways.items()
    }


def _labels(column: FeatureColumn) -> Iterator[str]:
    name = _SINCE.sub("", column.name) if column.kind is Kind.AGE else column.name
    for way in (_WINDOW.sub("", name), name, column.name):
        yield way.replace("_", " ").strip() or column.name
