"""Drawing many things at once from one generator."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats, Ints, Mask


def pick(weights: Floats, rng: np.random.Generator) -> Ints:
    """A position for each row of weights float64[n, m], as probable as its weight: int64[n]."""
    cumulative = weights.cumsum(axis=1)
    drawn = rng.random((len(weights), 1)) * cumulative[:, -1:]
    position: Ints = (cumulative[:, :-1] <= drawn).sum(axis=1)
    return position


def happens(probability: Floats, rng: np.random.Generator) -> Mask:
    """Whether each thing happens, bool[n]."""
    happened: Mask = rng.random(len(probability)) < probability
    return happened


def around(mean: Floats, spread: Floats, rng: np.random.Generator) -> Floats:
    """Log-normal values, float64[n], whose mean is `mean`."""
    values: Floats = mean * np.exp(spread * rng.standard_normal(len(mean)) - spread**2 / 2)
    return values


def around_odds(probability: Floats, spread: Floats, rng: np.random.Generator) -> Floats:
    """Probabilities, float64[n], whose odds are log-normal around those of `probability` < 1."""
    factor = np.exp(spread * rng.standard_normal(len(probability)))
    odds: Floats = probability / (1 - probability) * factor
    return odds / (1 + odds)
