"""What happens in each session: views, searches, carts and purchases, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.demo.catalogue import PRODUCTS_PER_CATEGORY
from flink_job.demo.drawing import happens
from flink_job.demo.sessions import Sessions
from flink_job.demo.shoppers import TASTES, Shoppers
from flink_job.demo.vocabulary import CART, DISCOUNTS, PURCHASE, REMOVE, SEARCH, VIEW
from operators.base.arrays import Floats, Ints, Mask

NONE: Final = -1
_MORE_PIECES: Final = 0.15  # mean number of pieces beyond the first
_REMOVED_WITHIN_STEPS: Final = 4
_PLACES_PER_STEP: Final = 4  # a step's view, cart and removals of earlier carts, in this order
_CHECKOUT: Final = 1 << 20  # a place after every step's


@dataclass(frozen=True)
class Steps:
    """The views and searches of all sessions, in their order; int64[m] but for `searching`.

    `place` counts within the session. `product` is NONE for a search.
    """

    session: Ints
    place: Ints
    searching: Mask
    category: Ints
    product: Ints


@dataclass(frozen=True)
class Journeys:
    """All events, in the order of sessions, then of what happens in them; arrays are int64[n].

    `kind` is a position in vocabulary.EVENT_TYPES. `product` and `discount` may be NONE,
    `quantity` is 0 for a view or search.
    """

    session: Ints
    kind: Ints
    category: Ints
    product: Ints
    quantity: Ints
    discount: Ints

    def __len__(self) -> int:
        return len(self.session)


def draw_journeys(shoppers: Shoppers, sessions: Sessions, rng: np.random.Generator) -> Journeys:
    """Every session from its first view to its last event."""
    steps = _draw_steps(shoppers, sessions, rng)
    carts, removed, bought = _draw_carts(shoppers, sessions, steps, rng)
    step = np.concatenate([np.arange(len(steps.session)), carts, carts[removed], carts[bought]])
    kind = np.concatenate(
        [
            np.where(steps.searching, SEARCH, VIEW),
            np.full(len(carts), CART),
            np.full(removed.sum(), REMOVE),
            np.full(bought.sum(), PURCHASE),
        ]
    )
    order = np.lexsort((_places(steps.place[step], kind, rng), steps.session[step]))
    step, kind = step[order], kind[order]
    discount = _draw_discounts(shoppers, sessions, rng)
    pieces = 1 + rng.poisson(_MORE_PIECES, len(steps.session))
    return Journeys(
        session=steps.session[step],
        kind=kind,
        category=steps.category[step],
        product=steps.product[step],
        quantity=np.where(kind >= CART, pieces[step], 0),
        discount=np.where(kind == PURCHASE, discount[steps.session[step]], NONE),
    )


def _draw_steps(shoppers: Shoppers, sessions: Sessions, rng: np.random.Generator) -> Steps:
    session = np.repeat(np.arange(len(sessions)), sessions.steps)
    place = np.arange(len(session)) - (sessions.steps.cumsum() - sessions.steps)[session]
    shopper = sessions.shopper[session]
    wandering = happens(shoppers.rates["wander"][shopper], rng)
    elsewhere = shoppers.tastes[shopper, rng.integers(0, TASTES, len(session))]
    category = np.where(wandering, elsewhere, sessions.category[session])
    searching = happens(shoppers.rates["search_rate"][shopper], rng)
    rank = _draw_price_ranks(shoppers.rates["price_level"][shopper], rng)
    product = np.where(searching, NONE, category * PRODUCTS_PER_CATEGORY + rank)
    return Steps(session, place, searching, category, product)


def _draw_price_ranks(level: Floats, rng: np.random.Generator) -> Ints:
    # U ** (1 / level - 1) has the mean `level` for U uniform in [0, 1).
    quantile = rng.random(len(level)) ** (1 / level - 1)
    return np.minimum(quantile * PRODUCTS_PER_CATEGORY, PRODUCTS_PER_CATEGORY - 1).astype(np.int64)


def _draw_carts(
    shoppers: Shoppers, sessions: Sessions, steps: Steps, rng: np.random.Generator
) -> tuple[Ints, Mask, Mask]:
    """The steps that end in the cart, int64[c]; of these the removed and the bought, bool[c]."""
    wanted = happens(shoppers.rates["cart_rate"][sessions.shopper[steps.session]], rng)
    carts = np.flatnonzero(wanted & ~steps.searching)
    session = steps.session[carts]
    removed = happens(shoppers.rates["remove_rate"][sessions.shopper[session]], rng)
    buying = happens(shoppers.rates["purchase_rate"][sessions.shopper], rng)
    return carts, removed, buying[session] & ~removed


def _places(step_place: Ints, kind: Ints, rng: np.random.Generator) -> Ints:
    """Where in its session each event stands, given the place of the step it belongs to."""
    delay = rng.integers(0, _REMOVED_WITHIN_STEPS, len(kind)) * (kind == REMOVE)
    within_step = np.array([0, 0, 1, 2, 0])[kind]
    checkout = _CHECKOUT * (kind == PURCHASE)
    place: Ints = (step_place + delay) * _PLACES_PER_STEP + within_step + checkout
    return place


def _draw_discounts(shoppers: Shoppers, sessions: Sessions, rng: np.random.Generator) -> Ints:
    """The code that a session's purchases would use: a position in DISCOUNTS or NONE."""
    used = happens(shoppers.rates["discount_rate"][sessions.shopper], rng)
    return np.where(used, rng.integers(0, len(DISCOUNTS), len(sessions)), NONE)
