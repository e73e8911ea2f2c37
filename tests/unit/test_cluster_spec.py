"""Every mistake in a cluster's config is told, each with its path."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from operators.clustering.spec import ClusterSpec, problems
from operators.frame import FeatureColumn, Kind

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("product_views", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, unit_us=60_000_000),
        FeatureColumn("device", Kind.CATEGORY, categories=("mobile", "desktop")),
        FeatureColumn("brand", Kind.CATEGORY),
        FeatureColumn("brands", Kind.LIST),
    )
}


def spec(**changes: Any) -> ClusterSpec:
    settings: dict[str, Any] = {"k": 5, "features": ["product_views", "device"]}
    return msgspec.convert({**settings, **changes}, ClusterSpec)


def test_a_good_spec_has_no_problems_and_the_documented_defaults() -> None:
    good = spec()
    assert problems("shoppers", good, COLUMNS) == []
    assert (good.scale, good.impute, good.halflife, good.warm_start) == (
        "minmax",
        "median",
        0.02,
        500,
    )


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"k": 1}, "k", "from 2 to 1000, found 1"),
        ({"k": 1_001, "warm_start": 2_000}, "k", "from 2 to 1000, found 1001"),
        ({"halflife": 0}, "halflife", "above 0 and at most 1, found 0"),
        ({"halflife": 1.5}, "halflife", "found 1.5"),
        ({"halflife": math.nan}, "halflife", "found nan"),
        ({"warm_start": 4}, "warm_start", "from k (5) to 5000, found 4"),
        ({"warm_start": 5_001}, "warm_start", "found 5001"),
        ({"features": []}, "features", "at least one feature"),
        ({"features": ["device", "device"]}, "features", "'device' 2 times"),
        ({"features": ["product_view"]}, "features", "did you mean 'product_views'?"),
        ({"features": ["brands"]}, "features", "found the list 'brands'"),
        ({"features": ["brand"]}, "features", "give it one_hot: [...] under features.brand"),
    ],
)
def test_each_mistake_is_told(changes: dict[str, Any], path: str, said: str) -> None:
    (problem,) = problems("shoppers", spec(**changes), COLUMNS)
    assert problem.path == f"clusters.shoppers.{path}"
    assert said in problem.message


def test_all_mistakes_are_told_at_once() -> None:
    wrong = spec(k=0, halflife=2, warm_start=-1, features=["brand", "nothing", "nothing"])
    paths = [problem.path.rpartition(".")[2] for problem in problems("m", wrong, COLUMNS)]
    assert sorted(paths) == ["features"] * 3 + ["halflife", "k", "warm_start"]


def test_the_limits_themselves_are_good() -> None:
    for changes in ({"k": 2, "warm_start": 2}, {"k": 1_000, "warm_start": 5_000, "halflife": 1}):
        assert problems("m", spec(**changes), COLUMNS) == []


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="half_life"):
        spec(half_life=0.1)
