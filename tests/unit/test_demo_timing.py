"""Spans of one owner never overlap, and drawing follows its weights."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flink_job.demo.drawing import around, around_odds, pick
from flink_job.demo.timing import apart

spans = st.lists(
    st.lists(st.tuples(st.integers(-1_000, 1_000), st.integers(0, 500)), max_size=8), max_size=6
)


def apart_one_by_one(owners: list[list[tuple[int, int]]]) -> list[int]:
    moved = []
    for of_owner in owners:
        free_from = None
        for start, length in sorted(of_owner):
            begin = start if free_from is None else max(start, free_from)
            moved.append(begin)
            free_from = begin + length
    return moved


@given(spans)
def test_spans_are_put_off_as_a_loop_would(owners: list[list[tuple[int, int]]]) -> None:
    flat = [(at, *span) for at, of_owner in enumerate(owners) for span in sorted(of_owner)]
    owner, start, length = np.array(flat, dtype=np.int64).reshape(-1, 3).T
    assert apart(owner, start, length).tolist() == apart_one_by_one(owners)


def test_pick_follows_the_weights() -> None:
    weights = np.repeat([[1.0, 0.0, 3.0], [0.0, 5.0, 0.0]], 10_000, axis=0)
    picked = pick(weights, np.random.default_rng(1))
    assert np.bincount(picked[:10_000], minlength=3)[1] == 0
    assert abs((picked[:10_000] == 2).mean() - 0.75) < 0.02
    assert (picked[10_000:] == 1).all()


def test_individual_rates_lie_around_the_mean() -> None:
    values = around(np.full(50_000, 8.0), np.full(50_000, 0.4), np.random.default_rng(2))
    assert abs(values.mean() - 8.0) < 0.1
    assert abs(np.log(values).std() - 0.4) < 0.01


def test_individual_probabilities_stay_probabilities() -> None:
    spread = np.full(50_000, 0.5)
    rng = np.random.default_rng(3)
    varied = around_odds(np.full(50_000, 0.9), spread, rng)
    assert ((varied > 0) & (varied < 1)).all()
    assert abs(np.median(varied) - 0.9) < 0.005
    assert (around_odds(np.zeros(50_000), spread, rng) == 0).all()
