"""Blobs of points, and whose each point is."""

from __future__ import annotations

import itertools

import numpy as np

from operators.base.arrays import Floats

CORNERS = np.array(list(itertools.product([0.0, 1.0], repeat=3)))


def blobs(count: int, k: int, seed: int) -> tuple[Floats, Floats]:
    """Points around k corners of the unit cube, ten deviations apart, and whose each is."""
    random = np.random.default_rng(seed)
    kind = np.concatenate([np.arange(k), random.integers(0, k, count - k)])
    return CORNERS[kind] + random.normal(0, 0.1, (count, 3)), kind
