"""Any population: events in time order and in range, whole sessions, carts that make sense."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flink_job.demo.personas import PERSONAS
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from flink_job.demo.vocabulary import CART, PURCHASE, REMOVE, SEARCH, VIEW
from operators.base.errors import UsageError
from tests.effort import examples

END_US = 1_764_016_200_123_456
DAY_US = 86_400_000_000
HALF_HOUR_US = 1_800_000_000

# Shoppers who would, but for the bounds, pause for hours and come again before they had gone.
RESTLESS = replace(PERSONAS[0], name="restless", dwell_s=3_000.0, sessions_per_day=60.0)

populations = st.builds(
    Population,
    users=st.integers(1, 60),
    days=st.integers(1, 7),
    end_us=st.integers(8 * DAY_US, END_US),
    bad_share=st.sampled_from([0.0, 0.05]),
    personas=st.one_of(
        st.just(PERSONAS), st.sampled_from([*PERSONAS, RESTLESS]).map(lambda one: (one,))
    ),
)
simulations = st.builds(simulate, populations, st.integers(0, 2**64))
few_examples = settings(max_examples=examples(60), deadline=None)


def columns(simulation: Simulation) -> dict[str, list[int]]:
    arrays = {field.name: getattr(simulation, field.name) for field in fields(simulation)}
    return {name: array.tolist() for name, array in arrays.items() if isinstance(array, np.ndarray)}


def sessions_of(simulation: Simulation) -> dict[int, list[int]]:
    """The positions of each session's events, in time order."""
    positions = defaultdict(list)
    for at, session in enumerate(simulation.session.tolist()):
        positions[session].append(at)
    return positions


@few_examples
@given(populations, st.integers(0, 2**64))
def test_same_seed_same_events(population: Population, seed: int) -> None:
    assert columns(simulate(population, seed)) == columns(simulate(population, seed))


def test_other_seed_other_events() -> None:
    population = Population(20, 2, END_US)
    assert columns(simulate(population, 1)) != columns(simulate(population, 2))


@few_examples
@given(populations, st.integers(0, 2**64))
def test_bad_records_leave_the_events_alone(population: Population, seed: int) -> None:
    clean = simulate(replace(population, bad_share=0.0), seed)
    spoilt = simulate(replace(population, bad_share=0.3), seed)
    assert columns(clean) == columns(spoilt)
    assert len(clean.bad) == 0
    assert len(spoilt.bad) == round(0.3 * len(clean))


@few_examples
@given(simulations)
def test_events_are_in_time_order_and_in_range(simulation: Simulation) -> None:
    end_us = simulation.population.end_us
    assert (np.diff(simulation.time_us) >= 0).all()
    # Times are in whole milliseconds, so the first may be a part of one early.
    assert simulation.time_us[0] > end_us - simulation.population.days * DAY_US - 1_000
    assert simulation.time_us[-1] <= end_us
    assert (simulation.time_us % 1_000 == 0).all()


@few_examples
@given(simulations)
def test_every_user_has_events_and_a_persona(simulation: Simulation) -> None:
    users = simulation.population.users
    assert set(simulation.user.tolist()) == set(range(users))
    personas = simulation.personas_of()
    assert len(personas) == users
    assert set(personas.values()) <= {one.name for one in simulation.population.personas}


@few_examples
@given(simulations)
def test_a_users_sessions_are_apart_and_without_long_gaps(simulation: Simulation) -> None:
    last: dict[int, tuple[int, int]] = {}
    seen = set()
    events = zip(
        simulation.user.tolist(),
        simulation.session.tolist(),
        simulation.time_us.tolist(),
        strict=True,
    )
    for user, session, time_us in events:
        session_before, time_before_us = last.get(user, (None, 0))
        if session == session_before:
            assert 0 < time_us - time_before_us < HALF_HOUR_US
        else:
            assert session not in seen, "a session was left and taken up again"
            assert time_us - time_before_us > HALF_HOUR_US
        seen.add(session)
        last[user] = (session, time_us)


@few_examples
@given(simulations)
def test_what_leaves_a_cart_was_put_there(simulation: Simulation) -> None:
    rows = columns(simulation)
    for positions in sessions_of(simulation).values():
        viewed: set[int] = set()
        cart: Counter[tuple[int, int]] = Counter()
        for at in positions:
            kind, product = rows["kind"][at], rows["product"][at]
            line = (product, rows["quantity"][at])
            if kind == VIEW:
                viewed.add(product)
            elif kind == CART:
                assert product in viewed
                cart[line] += 1
            elif kind in (REMOVE, PURCHASE):
                assert cart[line] > 0
                cart[line] -= 1


@few_examples
@given(simulations)
def test_columns_apply_where_they_should(simulation: Simulation) -> None:
    of = simulation
    searching = of.kind == SEARCH
    assert ((of.product == -1) == searching).all()
    assert ((of.price_cents == -1) == searching).all()
    assert (of.price_cents[~searching] > 0).all()
    assert ((of.quantity > 0) == np.isin(of.kind, (CART, REMOVE, PURCHASE))).all()
    assert (of.kind[of.discount >= 0] == PURCHASE).all()


def test_a_discount_is_taken_off_the_price() -> None:
    simulation = simulate(Population(300, 5, END_US), 5)
    listed = dict(
        zip(
            simulation.product[simulation.kind == VIEW].tolist(),
            simulation.price_cents[simulation.kind == VIEW].tolist(),
            strict=True,
        )
    )
    bought = np.flatnonzero(simulation.kind == PURCHASE)
    reduced = simulation.discount[bought] >= 0
    paid = simulation.price_cents[bought]
    price = np.array([listed[product] for product in simulation.product[bought].tolist()])
    assert reduced.any()
    assert (paid[~reduced] == price[~reduced]).all()
    assert (paid[reduced] < price[reduced]).all()
    assert (paid[reduced] >= price[reduced] * 0.69).all()


def test_every_persona_has_its_share() -> None:
    counts = Counter(simulate(Population(1_000, 2, END_US), 3).personas_of().values())
    for persona in PERSONAS:
        assert abs(counts[persona.name] - 1_000 * persona.share) <= 1


def test_an_id_tells_nothing_of_the_persona() -> None:
    simulation = simulate(Population(5_000, 1, END_US), 11)
    neighbours_alike = (np.diff(simulation.persona) == 0).mean()
    by_chance = sum(persona.share**2 for persona in PERSONAS)
    assert abs(neighbours_alike - by_chance) < 0.03


def test_the_size_of_the_demo_and_of_the_benchmark() -> None:
    # The share is what counts: 2,000 users make the demo's events, 20,000 the benchmark's.
    events = len(simulate(Population(2_000, 5, END_US), 1))
    assert 170_000 < events < 230_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"users": 0}, "simulation: users must be from 1 to 1000000, found 0"),
        ({"users": 1_000_001}, "simulation: users must be from 1 to 1000000, found 1000001"),
        ({"days": 0}, "simulation: days must be from 1 to 366, found 0"),
        ({"end_us": 5}, "simulation: end_us must be from 432000000000 to"),
        ({"bad_share": 1.5}, "simulation: bad_share must be from 0.0 to 1.0, found 1.5"),
        ({"bad_share": float("nan")}, "simulation: bad_share must be from 0.0 to 1.0, found nan"),
        ({"personas": ()}, "simulation: the number of personas must be from 1 to 100, found 0"),
    ],
)
def test_a_population_out_of_range_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        replace(Population(10, 5, END_US), **change)
    assert message in str(refused.value)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match="seed must be 0 or more, found -1"):
        simulate(Population(10, 5, END_US), -1)
