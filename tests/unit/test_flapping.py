"""Hysteresis calms a user who hovers at a threshold."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.flapping import SPREAD, THRESHOLD, spending, transitions_an_hour


def test_the_noise_is_what_is_said() -> None:
    spent = spending(hours=200, seed=3)
    assert abs(spent.mean() - THRESHOLD) < 1
    assert abs(spent.std() - SPREAD) < 0.5
    np.testing.assert_array_equal(spent, spending(hours=200, seed=3))


def test_every_hysteresis_has_fewer_transitions() -> None:
    found = transitions_an_hour(hours=20, seed=5)
    plain = found.pop("when alone")
    assert plain > 40
    assert all(count < plain / 1.5 for count in found.values()), found
    assert found["leave_when 15 below"] < found["leave_when 5 below"]
    assert found["all three"] == min(found.values())
