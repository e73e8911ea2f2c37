"""Each persona shows in its shoppers' events, and not so clearly that it were no task."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from flink_job.demo.catalogue import PRODUCTS_PER_CATEGORY
from flink_job.demo.personas import PERSONAS, Persona
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from flink_job.demo.vocabulary import CART, CATEGORIES, DEVICES, PURCHASE, REFERRERS, VIEW
from operators.base.arrays import Floats, Ints

END_US = 1_764_016_200_000_000
DAYS = 5
HOUR_US = 3_600_000_000
NAMES = [persona.name for persona in PERSONAS]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(Population(2_000, DAYS, END_US), 42)


def of_persona(simulation: Simulation, name: str) -> Ints:
    """The positions of a persona's events."""
    return np.flatnonzero(simulation.persona[simulation.user] == NAMES.index(name))


def per_user(simulation: Simulation, name: str, kind: int) -> Ints:
    """How many events of a kind each user of a persona has."""
    at = simulation.kind == kind
    counts = np.bincount(simulation.user[at], minlength=simulation.population.users)
    of_users: Ints = counts[simulation.persona == NAMES.index(name)]
    return of_users


def sessions_per_user(simulation: Simulation, name: str) -> Floats:
    sessions = defaultdict(set)
    for at in of_persona(simulation, name).tolist():
        sessions[int(simulation.user[at])].add(int(simulation.session[at]))
    return np.array([len(ids) for ids in sessions.values()], dtype=np.float64)


def median_dwell_s(simulation: Simulation, name: str) -> float:
    at = of_persona(simulation, name)
    at = at[np.lexsort((at, simulation.session[at]))]
    same = np.diff(simulation.session[at]) == 0
    return float(np.median(np.diff(simulation.time_us[at])[same])) / 1e6


def price_rank(simulation: Simulation, name: str) -> float:
    """The mean rank of the viewed products within their category, 0 (cheapest) to 1."""
    at = of_persona(simulation, name)
    viewed = simulation.product[at][simulation.kind[at] == VIEW]
    return float((viewed % PRODUCTS_PER_CATEGORY).mean()) / PRODUCTS_PER_CATEGORY


def share_between(simulation: Simulation, name: str, begin_hour: int, end_hour: int) -> float:
    hour = simulation.time_us[of_persona(simulation, name)] // HOUR_US % 24
    return float(((hour >= begin_hour) & (hour < end_hour)).mean())


def test_there_are_at_least_seven() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 7
    assert sum(persona.share for persona in PERSONAS) == pytest.approx(1)


@pytest.mark.parametrize("persona", PERSONAS, ids=NAMES)
def test_every_persona_is_well_formed(persona: Persona) -> None:
    rates = ("search_rate", "cart_rate", "remove_rate", "purchase_rate", "discount_rate", "wander")
    assert all(0 <= getattr(persona, rate) < 1 for rate in rates)
    assert 0 < persona.price_level < 1
    assert persona.visiting_days >= 1
    assert persona.steps_per_session >= 1
    lengths = [len(persona.categories), len(persona.devices), len(persona.referrers)]
    assert lengths == [len(CATEGORIES), len(DEVICES), len(REFERRERS)]
    assert len(persona.hours) == 24


def test_bots_are_fast_view_much_and_never_buy(simulation: Simulation) -> None:
    assert per_user(simulation, "bot", CART).sum() == 0
    assert per_user(simulation, "bot", PURCHASE).sum() == 0
    assert np.median(per_user(simulation, "bot", VIEW)) > 300
    assert median_dwell_s(simulation, "bot") < 3
    assert all(median_dwell_s(simulation, name) > 8 for name in NAMES if name != "bot")


def test_bots_come_by_night_as_by_day(simulation: Simulation) -> None:
    assert share_between(simulation, "bot", 0, 6) == pytest.approx(0.25, abs=0.05)
    assert share_between(simulation, "browser", 0, 6) < 0.1


def test_browsers_view_and_hardly_cart(simulation: Simulation) -> None:
    assert np.median(per_user(simulation, "browser", VIEW)) > 20
    carts, views = per_user(simulation, "browser", CART), per_user(simulation, "browser", VIEW)
    assert carts.sum() < 0.02 * views.sum()


def test_abandoners_cart_and_hardly_buy(simulation: Simulation) -> None:
    assert (per_user(simulation, "cart abandoner", CART) > 0).mean() > 0.9
    assert (per_user(simulation, "cart abandoner", PURCHASE) == 0).mean() > 0.85


def test_returning_customers_come_and_buy_repeatedly(simulation: Simulation) -> None:
    assert np.median(sessions_per_user(simulation, "returning customer")) >= 6
    assert (per_user(simulation, "returning customer", PURCHASE) >= 2).mean() > 0.75


def test_high_intent_buyers_buy_within_minutes(simulation: Simulation) -> None:
    at = of_persona(simulation, "high-intent buyer")
    bought = at[simulation.kind[at] == PURCHASE]
    first_us: dict[int, int] = {}
    for event in at.tolist():
        first_us.setdefault(int(simulation.session[event]), int(simulation.time_us[event]))
    waits_us = [int(simulation.time_us[e]) - first_us[int(simulation.session[e])] for e in bought]
    assert np.median(waits_us) < 10 * 60e6
    assert (per_user(simulation, "high-intent buyer", PURCHASE) > 0).mean() > 0.8
    assert np.median(per_user(simulation, "high-intent buyer", VIEW)) < 20


def test_bargain_hunters_view_cheap_things_in_the_evening_and_use_codes(
    simulation: Simulation,
) -> None:
    assert price_rank(simulation, "bargain hunter") < 0.2
    assert price_rank(simulation, "returning customer") == pytest.approx(0.5, abs=0.05)
    assert share_between(simulation, "bargain hunter", 17, 24) > 0.65
    at = of_persona(simulation, "bargain hunter")
    assert (simulation.discount[at][simulation.kind[at] == PURCHASE] >= 0).mean() > 0.7


def test_one_time_visitors_come_once_and_go(simulation: Simulation) -> None:
    assert (sessions_per_user(simulation, "one-time visitor") == 1).all()
    assert per_user(simulation, "one-time visitor", VIEW).mean() < 2.5


def test_personas_overlap(simulation: Simulation) -> None:
    """No persona but the bot's is told by one look at a count."""
    assert (per_user(simulation, "browser", CART) > 0).any()
    assert (per_user(simulation, "cart abandoner", PURCHASE) > 0).any()
    assert (per_user(simulation, "returning customer", PURCHASE) == 0).any()
    assert (per_user(simulation, "high-intent buyer", PURCHASE) == 0).any()
    low, high = np.quantile(per_user(simulation, "returning customer", VIEW), [0.1, 0.9])
    for name in ("browser", "cart abandoner", "bargain hunter"):
        assert low < np.median(per_user(simulation, name, VIEW)) < high
