"""The single shoppers of a population: a persona each, and rates of their own around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.demo.drawing import around, around_odds, pick
from flink_job.demo.personas import rates
from flink_job.demo.population import Population
from operators.base.arrays import Floats, Ints

TASTES: Final = 16
_TASTE_SPREAD: Final = 1.0  # standard deviation of the logarithm of a taste around the persona's
_SCALES: Final = ("sessions_per_day", "steps_per_session", "dwell_s")
_PROBABILITIES: Final = (
    "search_rate",
    "cart_rate",
    "remove_rate",
    "purchase_rate",
    "discount_rate",
    "wander",
)
_SHARED: Final = ("dwell_spread", "price_level")


@dataclass(frozen=True)
class Shoppers:
    """n shoppers.

    `persona` is int64[n], the position in the population's personas. `rates` holds float64[n],
    each shopper's own, by the name of the persona's field. `first_day` and `days`, int64[n], are
    the days of the simulation on which they may come. `device` is the one they mostly use,
    `tastes` int64[n, TASTES] the categories they like, a category the oftener the more.
    """

    persona: Ints
    rates: Mapping[str, Floats]
    first_day: Ints
    days: Ints
    device: Ints
    tastes: Ints

    def __len__(self) -> int:
        return len(self.persona)


def draw_shoppers(population: Population, rng: np.random.Generator) -> Shoppers:
    """Shoppers in an order that tells nothing of their personas."""
    persona = _assign_personas(population, rng)
    days = _draw_days(population, persona, rng)
    return Shoppers(
        persona=persona,
        rates=_draw_rates(population, persona, rng),
        first_day=rng.integers(0, population.days - days + 1),
        days=days,
        device=pick(rates(population.personas, "devices")[persona], rng),
        tastes=_draw_tastes(population, persona, rng),
    )


def _assign_personas(population: Population, rng: np.random.Generator) -> Ints:
    # By cumulated shares, not by drawing, so that small populations have their mixture too.
    shares = rates(population.personas, "share").cumsum()
    places = (np.arange(population.users) + 0.5) / population.users * shares[-1]
    return rng.permutation(np.searchsorted(shares, places, side="right"))


def _draw_rates(
    population: Population, persona: Ints, rng: np.random.Generator
) -> dict[str, Floats]:
    personas = population.personas
    spread = rates(personas, "variation")[persona]
    scaled = {name: around(rates(personas, name)[persona], spread, rng) for name in _SCALES}
    odds = {
        name: around_odds(rates(personas, name)[persona], spread, rng) for name in _PROBABILITIES
    }
    shared = {name: rates(personas, name)[persona] for name in _SHARED}
    return scaled | odds | shared


def _draw_days(population: Population, persona: Ints, rng: np.random.Generator) -> Ints:
    more = rng.poisson(rates(population.personas, "visiting_days")[persona] - 1)
    return np.minimum(1 + more, population.days)


def _draw_tastes(population: Population, persona: Ints, rng: np.random.Generator) -> Ints:
    weights = rates(population.personas, "categories")[persona]
    own = weights * np.exp(_TASTE_SPREAD * rng.standard_normal(weights.shape))
    return pick(np.repeat(own, TASTES, axis=0), rng).reshape(-1, TASTES)
