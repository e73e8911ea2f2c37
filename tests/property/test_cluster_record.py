"""What a record says of a cluster's members, against plain Python over one member at a time."""

from __future__ import annotations

import math
from statistics import fmean, median, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.base.arrays import Floats
from operators.clustering.record import DRAWN, describe, model_decoder
from operators.contracts.records import encode
from tests.cluster_models import AT, model
from tests.effort import examples

AXES = ("views", "spend", "device=mobile")
NUMBERS = st.one_of(st.just(math.nan), st.sampled_from([0.0, 1.0]), st.floats(-1e4, 1e4))
WILD = st.one_of(NUMBERS, st.floats(), st.sampled_from([1e100, -1e100, 5e-324]))


def points(numbers: st.SearchStrategy[float], least: int) -> st.SearchStrategy[Floats]:
    return st.integers(least, 2 * DRAWN).flatmap(
        lambda n: arrays(np.float64, (n, 3), elements=numbers, fill=st.just(1.0))
    )


CENTERS = arrays(
    np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-1e4, 1e4)
)


@settings(max_examples=examples(100), deadline=None)
@given(points(NUMBERS, 1), CENTERS)
def test_members_are_told_as_by_hand(sample: Floats, centers: Floats) -> None:
    judged_by = model(centers, *AXES)
    found = describe("m", judged_by, sample, AT)
    rows = judged_by.assign(sample).cluster.tolist()
    for at, name in enumerate(AXES):
        everyone = known(sample[:, at].tolist())
        assert found.everyone[name] == typical(name, everyone)
        for row, cluster in enumerate(found.clusters):
            own = [x for x, of in zip(sample[:, at].tolist(), rows, strict=True) if of == row]
            assert cluster.typical[name] == typical(name, known(own))
            assert cluster.standardised[name] == apart(known(own), everyone)


def known(values: list[float]) -> list[float]:
    return [x for x in values if not math.isnan(x)]


def typical(name: str, values: list[float]) -> object:
    if not values:
        return None
    middle = fmean(values) if "=" in name else median(values)
    return pytest.approx(middle, rel=1e-5, abs=1e-9)


def apart(own: list[float], everyone: list[float]) -> object:
    """How far the mean is from everyone's; None where nobody is known, or all are alike."""
    if not own or pstdev(everyone) <= 1e-12 * max(map(abs, everyone)):
        return None
    return pytest.approx((fmean(own) - fmean(everyone)) / pstdev(everyone), rel=1e-4, abs=1e-3)


@settings(max_examples=examples(100), deadline=None)
@given(points(WILD, 0), CENTERS)
def test_whatever_comes_every_number_is_finite(sample: Floats, centers: Floats) -> None:
    found = describe("m", model(centers, *AXES), sample, AT)
    # JSON has no NaN and no infinity: null would stand there, which is no number.
    assert model_decoder.decode(encode(found)) == found
    assert len(found.users) == min(len(sample), DRAWN)
    assert 0 <= sum(axis.explained for axis in found.axes) <= 1 + 1e-5
    for axis in found.axes:
        assert all(r is None or -1 <= r <= 1 for r in axis.loadings.values())
