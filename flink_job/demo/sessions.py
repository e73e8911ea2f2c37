"""The visits of the shoppers: who comes when, on what device, from where, for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.demo.drawing import around, happens, pick
from flink_job.demo.personas import rates
from flink_job.demo.population import Population
from flink_job.demo.shoppers import TASTES, Shoppers
from operators.base.arrays import Floats, Ints

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_STEPS_SPREAD: Final = 0.5  # standard deviation of the logarithm, between a shopper's sessions
_MOST_STEPS: Final = 1_000
_OTHER_DEVICE: Final = 0.12  # how often a shopper is not on the usual device


@dataclass(frozen=True)
class Sessions:
    """s sessions, in the order of shoppers, then of time; all arrays are int64[s].

    `start_ms` is the wished start (milliseconds since 1970); `timing` moves sessions apart.
    `steps` counts views and searches, at least 1. `category` is what the session is about.
    """

    shopper: Ints
    start_ms: Ints
    steps: Ints
    device: Ints
    referrer: Ints
    category: Ints

    def __len__(self) -> int:
        return len(self.shopper)


def draw_sessions(population: Population, shoppers: Shoppers, rng: np.random.Generator) -> Sessions:
    """At least one session for every shopper."""
    more = rng.poisson(shoppers.rates["sessions_per_day"] * shoppers.days)
    shopper = np.repeat(np.arange(len(shoppers)), 1 + more)
    start_ms = _draw_starts_ms(population, shoppers, shopper, rng)
    order = np.lexsort((start_ms, shopper))
    persona = shoppers.persona[shopper]
    return Sessions(
        shopper=shopper,
        start_ms=start_ms[order],
        steps=_draw_steps(shoppers.rates["steps_per_session"][shopper], rng),
        device=_draw_devices(population, shoppers, shopper, rng),
        referrer=pick(rates(population.personas, "referrers")[persona], rng),
        category=shoppers.tastes[shopper, rng.integers(0, TASTES, len(shopper))],
    )


def _draw_starts_ms(
    population: Population, shoppers: Shoppers, shopper: Ints, rng: np.random.Generator
) -> Ints:
    day = shoppers.first_day[shopper] + rng.integers(0, shoppers.days[shopper])
    hour = pick(rates(population.personas, "hours")[shoppers.persona[shopper]], rng)
    of_day_ms = hour * _HOUR_MS + rng.integers(0, _HOUR_MS, len(shopper))
    # A simulated day begins at the time of day of the begin, not at midnight.
    return population.begin_ms + day * _DAY_MS + (of_day_ms - population.begin_ms) % _DAY_MS


def _draw_steps(mean: Floats, rng: np.random.Generator) -> Ints:
    beyond_first = around(np.maximum(mean - 1, 0), np.full(len(mean), _STEPS_SPREAD), rng)
    return np.minimum(1 + rng.poisson(beyond_first), _MOST_STEPS)


def _draw_devices(
    population: Population, shoppers: Shoppers, shopper: Ints, rng: np.random.Generator
) -> Ints:
    any_device = pick(rates(population.personas, "devices")[shoppers.persona[shopper]], rng)
    other = happens(np.full(len(shopper), _OTHER_DEVICE), rng)
    return np.where(other, any_device, shoppers.device[shopper])
