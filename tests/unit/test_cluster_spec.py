"""Every mistake in a cluster's config is told, each with its path."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from operators.base.frame import FeatureColumn, Kind
from operators.clustering.spec import ClusterSpec, Pinned, problems

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
    assert (good.algorithm, good.halflife, good.warm_start) == ("kmeans", 0.02, 500)
    assert (good.log, good.impute, good.scale, good.pca) == ((), "median", "minmax", None)
    assert good.stick == 0.1


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"k": 1}, "k", "from 2 to 200, found 1"),
        ({"k": 201, "warm_start": 2_000}, "k", "from 2 to 200, found 201"),
        ({"k": "atuo"}, "k", "expected auto or a whole number from 2 to 200, found 'atuo'"),
        ({"k_range": [2, 8]}, "k_range", "beside 'k: auto' only, found it beside 'k: 5'"),
        ({"k": "auto", "k_range": [8, 8]}, "k_range", "from 2 to 50, the smaller one first"),
        ({"k": "auto", "k_range": [1, 8]}, "k_range", "found [1, 8]"),
        ({"k": "auto", "k_range": [2, 51]}, "k_range", "found [2, 51]"),
        ({"k": "auto", "k_range": [2, 20], "warm_start": 19}, "warm_start", "clusters (20)"),
        ({"names": {-1: "x"}}, "names", "from 0 to 9007199254740991, found -1"),
        ({"names": {2**53: "x"}}, "names", "from 0 to 9007199254740991, found 9007199254740992"),
        ({"names": {3: ""}}, "names.3", "1 to 100 characters in one line"),
        ({"names": {3: " x"}}, "names.3", "found ' x'"),
        ({"names": {3: "x\ny"}}, "names.3", r"found 'x\ny'"),
        ({"names": {3: {"name": "x" * 101}}}, "names.3", "1 to 100 characters"),
        ({"halflife": 0}, "halflife", "above 0 and at most 1, found 0"),
        ({"halflife": 1.5}, "halflife", "found 1.5"),
        ({"halflife": math.nan}, "halflife", "found nan"),
        ({"stick": -0.1}, "stick", "from 0 and below 1, found -0.1"),
        ({"stick": 1}, "stick", "found 1"),
        ({"warm_start": 4}, "warm_start", "clusters (5) to 5000, found 4"),
        ({"warm_start": 5_001}, "warm_start", "found 5001"),
        (
            {"k": 21, "algorithm": "dbstream"},
            "k",
            "from 2 to 20 with the algorithm dbstream, found 21",
        ),
        ({"log": ["product_view"]}, "log", "did you mean 'product_views'?"),
        ({"log": ["since_purchase"]}, "log", "features of this model, found 'since_purchase'"),
        ({"log": ["device"]}, "log", "numbers or ages, found the category 'device'"),
        ({"log": ["product_views"] * 2}, "log", "'product_views' 2 times"),
        ({"pca": 0}, "pca", "from 1 to the 3 dimensions of its features, found 0"),
        ({"pca": 4}, "pca", "from 1 to the 3 dimensions of its features, found 4"),
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


@pytest.mark.parametrize(
    "changes",
    [
        {"k": 2, "warm_start": 2},
        {"k": 200, "warm_start": 5_000, "halflife": 1},
        {"k": 20, "algorithm": "clustream"},
        {"log": "auto", "pca": 1},
        {"log": ["product_views"], "pca": 3},
        {"k": "auto", "k_range": [2, 3], "warm_start": 3},
        {"k": "auto", "k_range": [49, 50]},
        {"names": {0: "x" * 100, 2**53 - 1: {"name": "High-Intent Buyers", "description": ""}}},
    ],
)
def test_the_limits_themselves_are_good(changes: dict[str, Any]) -> None:
    assert problems("m", spec(**changes), COLUMNS) == []


def test_how_many_clusters_there_may_be() -> None:
    assert spec().k_between == (5, 5)
    assert spec(k="auto").k_between == (2, 10)
    assert spec(k="auto", k_range=[3, 7]).k_between == (3, 7)


def test_names_are_pinned_with_a_description_or_without() -> None:
    pinned = spec(names={3: "Buyers", 4: {"name": "Bots", "description": "no people"}}).pinned
    assert pinned == {3: Pinned("Buyers"), 4: Pinned("Bots", "no people")}


def test_a_name_that_is_pinned_twice_is_told_of_each() -> None:
    twice = spec(names={1: "Buyers", 2: {"name": "buyers"}, 3: "Others"})
    found = problems("m", twice, COLUMNS)
    assert [problem.path for problem in found] == ["clusters.m.names.1", "clusters.m.names.2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "all"},
        {"scale": "max"},
        {"impute": "zero"},
        {"pca": 1.5},
        {"algorithm": "birch"},
    ],
)
def test_a_word_or_a_number_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        spec(**changes)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="half_life"):
        spec(half_life=0.1)
