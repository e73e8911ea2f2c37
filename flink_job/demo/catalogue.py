"""What the simulated shop sells."""

from __future__ import annotations

from typing import Final

import numpy as np

from flink_job.demo.vocabulary import CATEGORIES
from operators.base.arrays import Ints

PRODUCTS_PER_CATEGORY: Final = 400
_PRICE_SPREAD: Final = 0.55  # standard deviation of the logarithm of prices in a category


def product_ids() -> list[str]:
    """The id of each product; product p is of category p // PRODUCTS_PER_CATEGORY."""
    return [f"p-{number:05d}" for number in range(len(CATEGORIES) * PRODUCTS_PER_CATEGORY)]


def draw_prices_cents(rng: np.random.Generator) -> Ints:
    """The price of each product, int64[products], rising within each category."""
    medians = np.array(list(CATEGORIES.values()))[:, np.newaxis]
    noise = rng.standard_normal((len(CATEGORIES), PRODUCTS_PER_CATEGORY))
    cents = np.rint(100 * medians * np.exp(_PRICE_SPREAD * noise)).astype(np.int64)
    return np.sort(cents, axis=1).ravel()
