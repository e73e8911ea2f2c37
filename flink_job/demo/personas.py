"""The kinds of shoppers that the demo knows, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Weights = tuple[float, ...]


@dataclass(frozen=True)
class Persona:
    """One kind of shopper: the rates around which its shoppers vary.

    A shopper comes on up to `visiting_days` days (a mean) and has one session, and
    `sessions_per_day` more for each of these days (a mean). `steps_per_session` is the mean
    number of views and searches, `dwell_s` the median time between two events in seconds and
    `dwell_spread` the standard deviation of its logarithm. A step is a search with
    `search_rate`; a viewed product goes into the cart with `cart_rate`, leaves it again with
    `remove_rate`, and what is left is bought, all of it or nothing, with `purchase_rate`, using
    a code with `discount_rate`. Rates are probabilities in [0, 1). `price_level` in (0, 1) is
    the mean rank of the viewed prices within their category, `wander` the probability that a
    step leaves the session's category. `categories`, `devices`, `referrers` and `hours` (of the
    day, UTC) weigh the words of `vocabulary` and the 24 hours. `variation` is the standard
    deviation of the logarithm of a shopper's own rate (for probabilities: of its odds).
    """

    name: str
    share: float
    sessions_per_day: float
    visiting_days: float
    steps_per_session: float
    dwell_s: float
    dwell_spread: float
    search_rate: float
    cart_rate: float
    remove_rate: float
    purchase_rate: float
    discount_rate: float
    price_level: float
    wander: float
    categories: Weights
    devices: Weights
    referrers: Weights
    hours: Weights
    variation: float


def rates(personas: Sequence[Persona], field: str) -> NDArray[np.float64]:
    """One field of every persona: float64[personas], for weights float64[personas, words]."""
    return np.array([getattr(persona, field) for persona in personas], dtype=np.float64)


ALL_DAY: Final = (1.0,) * 24
DAYTIME: Final = (1, 0.5, 0.3, 0.3, 0.3, 0.5, 1, 2, 3, 4, 5, 5, 6, 6, 5, 5, 5, 5, 6, 6, 7, 6, 4, 2)
EVENINGS: Final = (
    1,
    0.3,
    0.1,
    0.1,
    0.1,
    0.1,
    0.3,
    1,
    1,
    1,
    1,
    1,
    2,
    2,
    1,
    1,
    2,
    4,
    8,
    9,
    9,
    9,
    6,
    3,
)

# In the order of vocabulary.CATEGORIES, books to jewellery.
ANYTHING: Final = (1.0,) * 12
EVERYDAY: Final = (4, 4, 3, 4, 1, 2, 2, 2, 0.3, 0.5, 0.5, 0.3)
SMALL_THINGS: Final = (2, 4, 4, 5, 2, 2, 4, 3, 0.3, 0.5, 0.3, 1)
BIG_THINGS: Final = (0.3, 0.5, 0.5, 1, 1, 2, 2, 2, 3, 4, 4, 2)

# Bots make a third of the events. With these shares and rates a shopper has about 100 events
# in five days: 2,000 shoppers make the demo's 200,000, 20,000 the benchmark's 2 million.
PERSONAS: Final = (
    Persona(
        name="bot",
        share=0.05,
        sessions_per_day=6.5,
        visiting_days=6.0,
        steps_per_session=24.0,
        dwell_s=1.8,
        dwell_spread=0.4,
        search_rate=0.02,
        cart_rate=0.0,
        remove_rate=0.0,
        purchase_rate=0.0,
        discount_rate=0.0,
        price_level=0.5,
        wander=0.5,
        categories=ANYTHING,
        devices=(0.1, 0.88, 0.02),
        referrers=(0.9, 0.08, 0.0, 0.0, 0.02),
        hours=ALL_DAY,
        variation=0.35,
    ),
    Persona(
        name="browser",
        share=0.22,
        sessions_per_day=1.3,
        visiting_days=4.0,
        steps_per_session=10.0,
        dwell_s=28.0,
        dwell_spread=1.0,
        search_rate=0.18,
        cart_rate=0.008,
        remove_rate=0.3,
        purchase_rate=0.05,
        discount_rate=0.05,
        price_level=0.5,
        wander=0.35,
        categories=ANYTHING,
        devices=(0.66, 0.24, 0.1),
        referrers=(0.3, 0.25, 0.35, 0.05, 0.05),
        hours=DAYTIME,
        variation=0.45,
    ),
    Persona(
        name="cart abandoner",
        share=0.16,
        sessions_per_day=1.4,
        visiting_days=3.0,
        steps_per_session=10.0,
        dwell_s=30.0,
        dwell_spread=1.0,
        search_rate=0.12,
        cart_rate=0.26,
        remove_rate=0.25,
        purchase_rate=0.015,
        discount_rate=0.1,
        price_level=0.6,
        wander=0.2,
        categories=ANYTHING,
        devices=(0.7, 0.22, 0.08),
        referrers=(0.25, 0.25, 0.3, 0.1, 0.1),
        hours=DAYTIME,
        variation=0.4,
    ),
    Persona(
        name="returning customer",
        share=0.16,
        sessions_per_day=2.0,
        visiting_days=6.0,
        steps_per_session=8.0,
        dwell_s=32.0,
        dwell_spread=0.9,
        search_rate=0.15,
        cart_rate=0.18,
        remove_rate=0.12,
        purchase_rate=0.6,
        discount_rate=0.12,
        price_level=0.5,
        wander=0.15,
        categories=EVERYDAY,
        devices=(0.45, 0.45, 0.1),
        referrers=(0.55, 0.1, 0.05, 0.28, 0.02),
        hours=DAYTIME,
        variation=0.4,
    ),
    Persona(
        name="high-intent buyer",
        share=0.12,
        sessions_per_day=1.0,
        visiting_days=2.0,
        steps_per_session=6.5,
        dwell_s=18.0,
        dwell_spread=0.7,
        search_rate=0.22,
        cart_rate=0.4,
        remove_rate=0.06,
        purchase_rate=0.88,
        discount_rate=0.08,
        price_level=0.65,
        wander=0.05,
        categories=BIG_THINGS,
        devices=(0.35, 0.58, 0.07),
        referrers=(0.25, 0.6, 0.03, 0.04, 0.08),
        hours=DAYTIME,
        variation=0.35,
    ),
    Persona(
        name="bargain hunter",
        share=0.12,
        sessions_per_day=1.8,
        visiting_days=4.5,
        steps_per_session=18.0,
        dwell_s=16.0,
        dwell_spread=0.9,
        search_rate=0.15,
        cart_rate=0.09,
        remove_rate=0.25,
        purchase_rate=0.42,
        discount_rate=0.85,
        price_level=0.14,
        wander=0.4,
        categories=SMALL_THINGS,
        devices=(0.6, 0.28, 0.12),
        referrers=(0.15, 0.2, 0.1, 0.25, 0.3),
        hours=EVENINGS,
        variation=0.4,
    ),
    Persona(
        name="one-time visitor",
        share=0.17,
        sessions_per_day=0.0,
        visiting_days=1.0,
        steps_per_session=1.6,
        dwell_s=14.0,
        dwell_spread=1.0,
        search_rate=0.05,
        cart_rate=0.005,
        remove_rate=0.3,
        purchase_rate=0.05,
        discount_rate=0.05,
        price_level=0.5,
        wander=0.1,
        categories=ANYTHING,
        devices=(0.74, 0.2, 0.06),
        referrers=(0.1, 0.4, 0.35, 0.02, 0.13),
        hours=DAYTIME,
        variation=0.4,
    ),
)
