"""One suite for our scaling and imputing and for River's and scikit-learn's, on the same points."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from river import preprocessing as river
from river import stats
from sklearn import impute as sklearn_impute
from sklearn import preprocessing as sklearn

from operators.base.arrays import Floats
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.preparing.prepare import prepare
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
from tests.effort import examples

D: Final = 3
SPACE: Final = Space(tuple(Dimension(name) for name in "abc"))
NUMBERS: Final = st.integers(-1_000, 1_000).map(lambda whole: whole / 8)
GAPPY: Final = st.one_of(NUMBERS, NUMBERS, st.just(math.nan))

Transform = Callable[[Floats], Floats]  # float64[n, D], NaN for missing, to float64[n, D]


def of(points: Floats, **settings: Any) -> Preparation:
    spec = msgspec.convert({"k": 2, "features": SPACE.names, **settings}, ClusterSpec)
    return prepare(points, SPACE, spec)


def ours(scale: str) -> Transform:
    return lambda points: np.where(np.isnan(points), np.nan, of(points, scale=scale).scaled(points))


def rivers(new: Callable[[], Any]) -> Transform:
    def transform(points: Floats) -> Floats:
        scaler = new()
        known = [{i: x for i, x in enumerate(row) if not math.isnan(x)} for row in points.tolist()]
        for row in known:
            scaler.learn_one(row)
        scaled = [scaler.transform_one(row) for row in known]
        return np.array([[row.get(i, math.nan) for i in range(D)] for row in scaled])

    return transform


def scikit_learns(points: Floats) -> Floats:
    with warnings.catch_warnings(action="ignore"):  # of columns without any value
        scaled: Floats = sklearn.RobustScaler().fit_transform(points)
    return scaled


SCALERS: Final[dict[str, Transform]] = {
    "our minmax": ours("minmax"),
    "River's minmax": rivers(river.MinMaxScaler),
    "our standard": ours("standard"),
    "River's standard": rivers(river.StandardScaler),
    "our robust": ours("robust"),
    "scikit-learn's robust": scikit_learns,
}


def columns(elements: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    shapes = st.tuples(st.integers(1, 25), st.just(D))
    return arrays.arrays(np.float64, shapes, elements=elements, fill=st.nothing())


def close(actual: Floats, expected: Floats) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SCALERS)
@settings(deadline=None, max_examples=examples(30))
@given(columns(NUMBERS), st.sampled_from([0.25, 1.0, 1_024.0]), st.integers(-50, 50))
def test_units_do_not_matter(name: str, points: Floats, unit: float, zero: int) -> None:
    close(SCALERS[name](points * unit + zero), SCALERS[name](points))


@pytest.mark.parametrize("name", SCALERS)
@settings(deadline=None, max_examples=examples(30))
@given(columns(GAPPY))
def test_who_had_more_has_no_less(name: str, points: Floats) -> None:
    for before, after in zip(points.T, SCALERS[name](points).T, strict=True):
        known = ~np.isnan(before)
        order = np.argsort(before[known], kind="stable")
        assert (np.diff(after[known][order]) >= -1e-9).all()


@pytest.mark.parametrize("name", SCALERS)
@settings(deadline=None, max_examples=examples(30))
@given(columns(GAPPY))
def test_what_is_missing_changes_nothing(name: str, points: Floats) -> None:
    nobody = np.full((3, D), np.nan)
    close(SCALERS[name](np.concatenate((nobody, points)))[3:], SCALERS[name](points))


@pytest.mark.parametrize("name", SCALERS)
@given(st.integers(1, 20), NUMBERS)
def test_a_constant_is_zero(name: str, count: int, value: float) -> None:
    np.testing.assert_array_equal(SCALERS[name](np.full((count, D), value)), 0.0)


@pytest.mark.parametrize("scale", ["minmax", "standard", "robust"])
@settings(deadline=None, max_examples=examples(66))
@given(columns(GAPPY))
def test_ours_equals_theirs(scale: str, points: Floats) -> None:
    theirs = SCALERS[f"{'scikit-learn' if scale == 'robust' else 'River'}'s {scale}"]
    mine, other = SCALERS[f"our {scale}"](points), theirs(points)
    if scale == "robust":  # theirs leaves a dimension as it is where the middle half is the same
        mine, other = mine[:, spread(points)], other[:, spread(points)]
    close(mine, other)


def spread(points: Floats) -> list[int]:
    known = [column[~np.isnan(column)] for column in points.T]
    quartiles = [np.percentile(column, (25, 75)) if len(column) else (0, 0) for column in known]
    return [at for at, (low, high) in enumerate(quartiles) if high > low]


def test_the_suite_tells_one_scaler_from_another() -> None:
    """The negative control."""
    points = np.random.default_rng(0).exponential(size=(20, D))
    for other in ("standard", "robust"):
        with pytest.raises(AssertionError):
            close(SCALERS["our minmax"](points), SCALERS[f"our {other}"](points))


# Imputing


def our_imputed(impute: str) -> Transform:
    return lambda points: np.where(np.isnan(points), of(points, impute=impute).impute, points)


def rivers_mean(points: Floats) -> Floats:
    imputer = river.StatImputer(*((i, stats.Mean()) for i in range(D)))
    rows = [{i: None if math.isnan(x) else x for i, x in enumerate(row)} for row in points.tolist()]
    for row in rows:
        imputer.learn_one(row)
    return np.array([[imputer.transform_one(row)[i] for i in range(D)] for row in rows], float)


def scikit_learns_median(points: Floats) -> Floats:
    imputer = sklearn_impute.SimpleImputer(strategy="median", keep_empty_features=True)
    imputed: Floats = imputer.fit_transform(points)
    return imputed


IMPUTERS: Final[dict[str, Transform]] = {
    "our mean": our_imputed("mean"),
    "River's mean": rivers_mean,
    "our median": our_imputed("median"),
    "scikit-learn's median": scikit_learns_median,
}


@pytest.mark.parametrize("name", IMPUTERS)
@settings(deadline=None, max_examples=examples(30))
@given(columns(GAPPY))
def test_imputing_fills_gaps_within_what_was_seen(name: str, points: Floats) -> None:
    imputed = IMPUTERS[name](points)
    known = ~np.isnan(points)
    np.testing.assert_array_equal(imputed[known], points[known])
    for before, after in zip(points.T, imputed.T, strict=True):
        seen = before[~np.isnan(before)] if not np.isnan(before).all() else np.zeros(1)
        assert (seen.min() - 1e-9 <= after).all()
        assert (after <= seen.max() + 1e-9).all()


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [("our mean", "River's mean"), ("our median", "scikit-learn's median")],
)
@settings(deadline=None, max_examples=examples(66))
@given(columns(GAPPY))
def test_our_imputing_equals_theirs(mine: str, theirs: str, points: Floats) -> None:
    close(IMPUTERS[mine](points), IMPUTERS[theirs](points))
