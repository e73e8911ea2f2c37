"""Preparing points by a sample: finite whatever comes, the same for everyone, and back again."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.decomposition import PCA

from operators.base.arrays import Floats
from operators.base.errors import JobError
from operators.clustering.nearest import nearest
from operators.clustering.preparing.components import Components
from operators.clustering.preparing.preparation import LARGEST, Preparation, StoredPreparation
from operators.clustering.preparing.prepare import prepare
from operators.clustering.preparing.tails import heavy, l_skewness, logged, unlogged
from operators.clustering.space import Dimension, Space
from operators.clustering.spec import ClusterSpec
from tests.effort import examples

# Neither numpy nor scikit-learn has anything to complain of, whatever comes in.
pytestmark = pytest.mark.filterwarnings("error")

SPACE: Final = Space(
    (Dimension("views"), Dimension("spend"), Dimension("device", "mobile"), Dimension("age"))
)
D: Final = len(SPACE)
NUMERIC: Final = SPACE.numeric
TAME: Final = st.one_of(st.just(math.nan), st.floats(-1e3, 1e3), st.integers(0, 3).map(float))
WILD: Final = st.one_of(
    TAME,
    st.floats(),
    st.sampled_from([math.inf, -math.inf, 1e300, 1e100, -1e100, 5e-324, 1e-160]),
)
SETTINGS: Final = st.fixed_dictionaries(
    {
        "scale": st.sampled_from(["minmax", "standard", "robust"]),
        "impute": st.sampled_from(["median", "mean", "model"]),
        "log": st.sampled_from(["auto", (), ("spend",), ("views", "age")]),
        "pca": st.sampled_from([None, 1, 3, 4]),
    }
)


def of(sample: Floats, **chosen: Any) -> Preparation:
    spec = {"k": 2, "features": ["views", "spend", "device", "age"], **chosen}
    return prepare(sample, SPACE, msgspec.convert(spec, ClusterSpec))


@st.composite
def samples(draw: st.DrawFn, elements: st.SearchStrategy[float], fewest: int = 1) -> Floats:
    shape = (draw(st.integers(fewest, 40)), D)
    points = draw(arrays.arrays(np.float64, shape, elements=elements))
    points[:, 2] = np.nan_to_num(points[:, 2]) > 1
    return points


def lognormal(n: int, seed: int = 0) -> Floats:
    """Points with related dimensions of very different scale, a third of them with gaps."""
    random = np.random.default_rng(seed)
    taste = random.normal(size=(n, 1))
    points = np.exp(taste + random.normal(0, 0.3, (n, D))) * [1.0, 1e6, 1.0, 1e-6]
    points[:, 2] = random.random(n) < 0.5
    points[: n // 3, :][random.random((n // 3, D)) < 0.3] = np.nan
    points[:, 2] = np.nan_to_num(points[:, 2])
    return points


# Whatever comes


@settings(deadline=None, max_examples=examples(133))
@given(samples(WILD), samples(WILD), SETTINGS)
@example(np.full((20, D), 0.1), np.full((1, D), 1e300), {"scale": "robust", "pca": 4})
@example(np.full((1, D), np.nan), np.full((1, D), 7.0), {"impute": "model", "pca": 4})
@example(
    np.random.default_rng(0).normal(size=(60, D)) * [1e-150, 1e90, 0.0, 1.0],
    np.array([[1e100, -1e100, 1.0, np.nan]]),
    {"scale": "robust", "impute": "model", "pca": 2},
)
def test_every_number_is_finite(sample: Floats, points: Floats, chosen: dict[str, Any]) -> None:
    preparation = of(sample, **chosen)
    assert np.isfinite(numbers_in(preparation.stored())).all()
    assert (preparation.scale >= 0).all()
    scaled = preparation.scaled(points)
    assert scaled.shape == (len(points), preparation.width)
    assert (np.abs(scaled) <= LARGEST).all()
    assert np.isfinite(nearest(scaled, np.zeros((2, preparation.width))).distance).all()
    units = preparation.in_units(scaled)
    assert units.shape == points.shape
    assert (np.abs(units) <= LARGEST).all()


def numbers_in(stored: Any) -> Floats:
    """All numbers of a stored preparation, one after the other."""
    if isinstance(stored, bytes):
        return np.frombuffer(stored, "<f8")
    if isinstance(stored, msgspec.Struct):
        return np.concatenate([numbers_in(getattr(stored, at)) for at in stored.__struct_fields__])
    return np.array(stored or (), np.float64)


@settings(deadline=None, max_examples=examples(66))
@given(samples(WILD), samples(WILD), SETTINGS)
def test_a_user_is_scaled_alike_alone_and_among_others(
    sample: Floats, points: Floats, chosen: dict[str, Any]
) -> None:
    preparation = of(sample, **chosen)
    whole = preparation.scaled(points)
    for at in range(len(points)):
        np.testing.assert_array_equal(preparation.scaled(points[at : at + 1])[0], whole[at])


def test_a_product_by_blas_would_not_be_alike() -> None:
    """The negative control: why `product` is there."""
    random = np.random.default_rng(0)
    points, loadings = random.normal(size=(2, 300, 30))
    whole = points @ loadings.T
    assert any((points[at : at + 1] @ loadings.T != whole[at]).any() for at in range(300))


@settings(deadline=None, max_examples=examples(50))
@given(samples(WILD), samples(WILD), SETTINGS)
def test_stored_and_restored_it_is_the_same(
    sample: Floats, points: Floats, chosen: dict[str, Any]
) -> None:
    preparation = of(sample, **chosen)
    data = msgspec.msgpack.encode(preparation.stored())
    assert msgspec.msgpack.encode(of(sample.copy(order="F"), **chosen).stored()) == data
    restored = Preparation.restored(msgspec.msgpack.decode(data, type=StoredPreparation), D)
    assert msgspec.msgpack.encode(restored.stored()) == data
    assert restored.width == preparation.width
    np.testing.assert_array_equal(restored.scaled(points), preparation.scaled(points))
    with pytest.raises(JobError, match="expected the shape"):
        Preparation.restored(preparation.stored(), D + 1)


# Back again


@settings(deadline=None, max_examples=examples(50))
@given(SETTINGS, st.integers(0, 1_000))
def test_complete_points_come_back_in_their_units(chosen: dict[str, Any], seed: int) -> None:
    assume(chosen["pca"] in (None, D))
    sample = lognormal(100, seed)
    preparation = of(sample, **chosen)
    whole = sample[~np.isnan(sample).any(axis=1)]
    back = preparation.in_units(preparation.scaled(whole))
    units = np.nanmax(np.abs(sample), axis=0)
    np.testing.assert_allclose(back / units, whole / units, rtol=1e-6, atol=1e-9)


@settings(deadline=None, max_examples=examples(33))
@given(SETTINGS, SETTINGS, st.integers(0, 1_000))
def test_adopted_points_are_at_the_same_places(
    before: dict[str, Any], after: dict[str, Any], seed: int
) -> None:
    assume(before["pca"] in (None, D))
    sample = lognormal(100, seed)
    old, new = of(sample[:60], **before), of(sample[40:], **after)
    whole = sample[~np.isnan(sample).any(axis=1)]
    adopted = new.adopt(old.scaled(whole), old)
    np.testing.assert_allclose(adopted, new.scaled(whole), rtol=1e-5, atol=1e-5)


# One-hot dimensions


@pytest.mark.parametrize("scale", ["minmax", "standard", "robust"])
def test_one_hot_dimensions_are_left_alone(scale: str) -> None:
    sample = lognormal(100)
    preparation = of(sample, scale=scale, log="auto", impute="model")
    assert 2 not in preparation.logs
    np.testing.assert_array_equal(preparation.scaled(sample)[:, 2], sample[:, 2])


# Logs


@given(arrays.arrays(np.float64, 10, elements=st.floats(-LARGEST, LARGEST)))
def test_logs_keep_signs_and_order_and_come_back(values: Floats) -> None:
    ordered = np.sort(values)
    assert (np.diff(logged(ordered)) >= 0).all()
    np.testing.assert_array_equal(logged(-values), -logged(values))
    np.testing.assert_allclose(unlogged(logged(values)), values, rtol=1e-12)


@settings(max_examples=examples(66))
@given(arrays.arrays(np.float64, st.integers(3, 60), elements=st.floats(-1e6, 1e6)))
def test_l_skewness_is_scipys(values: Floats) -> None:
    assume(np.ptp(values) > 1e-6)
    expected = scipy.stats.lmoment(values, order=3)
    assert math.isclose(l_skewness(values), expected, rel_tol=1e-6, abs_tol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_heavy_tails_are_told_from_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    for values in (random.lognormal(0, 1.5, 1_000), random.pareto(1.5, 1_000) * 1e6):
        assert heavy(values)
        assert heavy(-values)
        assert heavy(values * random.choice([-1, 1], 1_000))
        assert not heavy(logged(values) if values.max() < 1e3 else np.log(values))
    for values in (random.normal(size=1_000), random.random(1_000), random.exponential(size=1_000)):
        assert not heavy(values)
    assert not heavy(np.zeros(1_000))
    assert not heavy(random.pareto(1.5, 10))  # too few to say


def test_the_named_features_are_logged_and_auto_finds_the_heavy() -> None:
    sample = lognormal(500)
    assert of(sample, log=("spend", "age")).logs == (1, 3)
    assert of(sample, log=()).logs == ()
    random = np.random.default_rng(0)
    sample[:, 0] = random.normal(size=500)
    sample[:, 1] = random.lognormal(0, 1.5, 500)
    sample[:, 3] = random.random(500)
    assert of(sample, log="auto").logs == (1,)


# Imputing by a model


def test_a_model_imputes_what_the_others_tell() -> None:
    random = np.random.default_rng(0)
    sample = random.normal(size=(400, D))
    sample[:, 2] = random.random(400) < 0.5
    sample[:, 1] = 3 * sample[:, 0] - 50 * sample[:, 2] + 200 + random.normal(0, 0.1, 400)
    truth = sample.copy()
    gaps = random.random(400) < 0.2
    sample[gaps, 1] = np.nan
    by_model, by_median = (of(sample, impute=kind) for kind in ("model", "median"))
    wrong = [
        np.abs(each.in_units(each.scaled(sample[gaps]))[:, 1] - truth[gaps, 1]).mean()
        for each in (by_model, by_median)
    ]
    assert wrong[0] < 0.5
    assert wrong[1] > 20


@settings(deadline=None, max_examples=examples(50))
@given(samples(TAME), samples(WILD), st.sampled_from(["minmax", "standard", "robust"]))
def test_a_model_expects_nothing_outside_of_what_was_seen(
    sample: Floats, points: Floats, scale: str
) -> None:
    preparation = of(sample, impute="model", scale=scale)
    scaled, seen = preparation.scaled(points), preparation.scaled(sample)
    missing = ~(np.abs(points) <= LARGEST)
    for at in np.flatnonzero(NUMERIC):
        known = seen[~np.isnan(sample[:, at]), at]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        assert ((low <= scaled[missing[:, at], at]) & (scaled[missing[:, at], at] <= high)).all()


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(1, 14), SETTINGS)
def test_with_too_little_data_a_model_is_a_median(n: int, chosen: dict[str, Any]) -> None:
    sample = lognormal(n)
    model, median = (of(sample, **{**chosen, "impute": each}) for each in ("model", "median"))
    missing = np.array([[np.nan, np.nan, 1.0, np.nan]])
    np.testing.assert_array_equal(model.scaled(missing), median.scaled(missing))


# Principal components


@settings(deadline=None, max_examples=examples(33))
@given(st.integers(1, D), st.integers(D + 1, 60), st.integers(0, 1_000))
def test_components_are_those_of_scikit_learn(p: int, n: int, seed: int) -> None:
    scaled = np.random.default_rng(seed).normal(size=(n, D)) * [4.0, 2.0, 1.0, 0.5]
    mine, theirs = Components.fit(scaled, p), PCA(p, svd_solver="full").fit(scaled)
    np.testing.assert_allclose(mine.explained, theirs.explained_variance_ratio_, atol=1e-9)
    signs = np.sign((mine.loadings * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(mine.loadings, theirs.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(mine.along(scaled), theirs.transform(scaled) * signs, atol=1e-6)


@settings(deadline=None, max_examples=examples(50))
@given(samples(WILD), SETTINGS)
def test_loadings_are_orthogonal_and_variances_in_order(
    sample: Floats, chosen: dict[str, Any]
) -> None:
    components = of(sample, **{**chosen, "pca": D}).components
    assert components is not None
    np.testing.assert_allclose(components.loadings @ components.loadings.T, np.eye(D), atol=1e-9)
    assert (np.diff(components.explained) <= 0).all()
    assert components.explained.sum() == pytest.approx(1) or not components.explained.any()
    largest = np.abs(components.loadings).argmax(axis=1)
    assert (components.loadings[np.arange(D), largest] > 0).all()


def test_the_next_fit_turns_no_component_around() -> None:
    sample = lognormal(1_000)
    fits = [of(sample[at : at + 500], log="auto", pca=2).components for at in range(0, 500, 50)]
    loadings = np.array([fit.loadings for fit in fits if fit is not None])
    assert len(loadings) == 10
    assert ((loadings * loadings[0]).sum(axis=2) > 0.9).all()
