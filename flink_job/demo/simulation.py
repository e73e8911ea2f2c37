"""Simulating a population of shoppers: the whole of it as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flink_job.demo.bad_records import BadRecords, draw_bad_records
from flink_job.demo.catalogue import draw_prices_cents
from flink_job.demo.journeys import NONE, Journeys, draw_journeys
from flink_job.demo.population import Population
from flink_job.demo.sessions import draw_sessions
from flink_job.demo.shoppers import draw_shoppers
from flink_job.demo.timing import draw_times_ms
from flink_job.demo.vocabulary import DISCOUNTS
from operators.base.arrays import Ints
from operators.base.errors import UsageError

Codes = NDArray[np.int8]
Int32s = NDArray[np.int32]


@dataclass(frozen=True)
class Simulation:
    """n events in time order, as columns, and who made them.

    `time_us` is int64[n], microseconds since 1970 in whole milliseconds; `user` and `session`
    int32[n] number users and sessions. `kind`, `category` and `discount` (int8[n]) are positions
    in `vocabulary`, `product` (int32[n]) in `catalogue.product_ids()`. Where a column does not
    apply, `product`, `price_cents` (int32[n]) and `discount` are -1, `quantity` (int8[n]) is 0.
    `device` and `referrer` (int8) are by session, `persona` (int8) is by user: the ground truth.
    `tag` is in the ids of events and sessions, so that those of two simulations differ.
    """

    population: Population
    tag: str
    time_us: Ints
    user: Int32s
    session: Int32s
    kind: Codes
    category: Codes
    product: Int32s
    price_cents: Int32s
    quantity: Codes
    discount: Codes
    device: Codes
    referrer: Codes
    persona: Codes
    bad: BadRecords

    def __len__(self) -> int:
        return len(self.time_us)

    def user_ids(self) -> list[str]:
        """The id of each user, in the order of their numbers."""
        return [f"shopper-{number:05d}" for number in range(self.population.users)]

    def personas_of(self) -> dict[str, str]:
        """The persona of each user, by id: what an evaluation compares with."""
        names = [persona.name for persona in self.population.personas]
        return {
            user: names[code]
            for user, code in zip(self.user_ids(), self.persona.tolist(), strict=True)
        }


def simulate(population: Population, seed: int) -> Simulation:
    """Simulate a population; the same population and seed give the same events.

    Every user has at least one event. Takes about 130 bytes of memory for each.

    Raises:
        UsageError: the seed is negative.
    """
    if seed < 0:
        raise UsageError(f"simulation: seed must be 0 or more, found {seed}")
    # A stream for each part: more bad records, say, leave the good ones as they are.
    parts = np.random.SeedSequence(seed).spawn(5)
    people, goods, visits, times, errors = (np.random.default_rng(part) for part in parts)
    shoppers = draw_shoppers(population, people)
    sessions = draw_sessions(population, shoppers, visits)
    journeys = draw_journeys(shoppers, sessions, visits)
    time_ms = draw_times_ms(shoppers, sessions, journeys, times)
    rows = _in_time_order(time_ms, population.end_ms)
    return Simulation(
        population=population,
        tag=population.tag(seed),
        time_us=time_ms[rows] * 1_000,
        user=sessions.shopper[journeys.session[rows]].astype(np.int32),
        session=journeys.session[rows].astype(np.int32),
        kind=journeys.kind[rows].astype(np.int8),
        category=journeys.category[rows].astype(np.int8),
        product=journeys.product[rows].astype(np.int32),
        price_cents=_prices_cents(journeys, draw_prices_cents(goods))[rows].astype(np.int32),
        quantity=journeys.quantity[rows].astype(np.int8),
        discount=journeys.discount[rows].astype(np.int8),
        device=sessions.device.astype(np.int8),
        referrer=sessions.referrer.astype(np.int8),
        persona=shoppers.persona.astype(np.int8),
        bad=draw_bad_records(len(rows), population.bad_share, errors),
    )


def _in_time_order(time_ms: Ints, end_ms: int) -> Ints:
    """The positions of the events up to the end, by time."""
    order = np.argsort(time_ms, kind="stable")
    return order[: np.searchsorted(time_ms, end_ms, side="right", sorter=order)]


def _prices_cents(journeys: Journeys, list_price_cents: Ints) -> Ints:
    """The price of each event's product less the discount of its purchase, int64[n], or NONE."""
    off_percent = np.array([*DISCOUNTS.values(), 0])[journeys.discount]
    paid_cents = list_price_cents[journeys.product] * (100 - off_percent) // 100
    return np.where(journeys.product == NONE, NONE, paid_cents)
