"""How often an audit is wrong, counted in simulated worlds of which the truth is known.

The seeds are fixed. `make soak` counts in more worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pytest

from flink_job.audit.auditing import AuditedConfiguration, audit
from flink_job.audit.contingency import chi_squared
from flink_job.audit.findings import Question
from flink_job.audit.holdouts import enough, looks
from flink_job.audit.measures import as_table
from flink_job.audit.proportions import Shares
from flink_job.audit.sample_ratio import ratio_test
from flink_job.audit.welch import Means
from operators.base.arrays import Floats, Mask
from operators.contracts.outcomes import Cohort, CohortOutcomes, OutcomeRecord, UserOutcome

ALPHA: Final = 0.05
FEWEST: Final = 100
DAYS: Final = 60
Random = np.random.Generator


def conversions(random: Random, worlds: int, entering: Floats, rate: float) -> Floats:
    """Users who have converted by each day, float64[worlds, days]: some days after entering."""
    days = len(entering)
    found = np.zeros((worlds, days))
    for day, users in enumerate(entering.astype(int).tolist()):
        left = np.full(worlds, users)
        for later in range(day, days):
            some = random.binomial(left, rate * 0.3 * 0.7 ** (later - day))
            left = left - some
            found[:, later] += some
    return found.cumsum(axis=1)


def daily_shares(random: Random, worlds: int, entering: Floats, rate: float) -> Shares:
    """Nine of ten who enter are members, one is held out, and none of it matters."""
    sides = []
    for part in (0.9, 0.1):
        own = np.round(entering * part)
        users = np.broadcast_to(own.cumsum(), (worlds, len(entering)))
        sides += [conversions(random, worlds, own, rate).ravel(), users.ravel()]
    return Shares(*sides)


def cried(alarms: Mask, worlds: int) -> float:
    """The share of worlds with an alarm on any day."""
    return float(alarms.reshape(worlds, -1).any(axis=1).mean())


def alarms(pairs: Shares) -> Mask:
    """On which days somebody who looks at the audit is told of an effect."""
    found: Mask = (looks(pairs, ALPHA).p <= ALPHA) & enough(pairs, FEWEST)
    return found


@pytest.mark.parametrize(
    ("entering", "rate"),
    [(np.full(DAYS, 200.0), 0.05), (np.full(DAYS, 2_000.0), 0.01), (np.full(DAYS, 50.0), 0.3)],
    ids=["usual", "many, seldom", "few, often"],
)
def test_who_looks_every_day_is_not_fooled(entering: Floats, rate: float) -> None:
    pairs = daily_shares(np.random.default_rng(16), 1_000, entering, rate)
    assert cried(alarms(pairs), 1_000) <= 0.06
    # An ordinary test that is looked at as often cries wolf in a fifth of them: that is the point.
    ordinary = (chi_squared(as_table(pairs))[1] <= ALPHA) & enough(pairs, FEWEST)
    assert cried(ordinary, 1_000) > 0.15


def test_nor_is_who_goes_on_looking_when_nobody_enters_any_more() -> None:
    entering = np.where(np.arange(DAYS) < 10, 400.0, 0.0)
    pairs = daily_shares(np.random.default_rng(17), 1_000, entering, 0.2)
    assert cried(alarms(pairs), 1_000) <= 0.06


def spending(random: Random, worlds: int, entering: Floats) -> list[Floats]:
    """Users, sums and squares of what they have spent by each day, float64[worlds * days] each.

    Users buy at rates of their own, for prices of a long tail, and go on buying.
    """
    users = int(entering.sum())
    since = np.repeat(np.arange(len(entering)), entering.astype(int))
    rates = random.gamma(0.5, 0.06, (worlds, users))
    spent = np.zeros((worlds, users))
    total, squares = np.zeros((worlds, len(entering))), np.zeros((worlds, len(entering)))
    for day in range(len(entering)):
        here = since <= day
        bought = random.poisson(rates * here)
        spent += bought * random.lognormal(3, 0.8, (worlds, users))
        total[:, day], squares[:, day] = spent.sum(axis=1), (spent**2).sum(axis=1)
    counted = np.broadcast_to(entering.cumsum(), total.shape)
    return [counted.ravel(), total.ravel(), squares.ravel()]


def daily_means(random: Random, worlds: int, members: Floats, held_out: Floats) -> Means:
    return Means(*spending(random, worlds, members), *spending(random, worlds, held_out))


def test_what_users_spend_fools_nobody_who_looks_every_day() -> None:
    members, held_out = np.full(30, 60.0), np.full(30, 20.0)
    pairs = daily_means(np.random.default_rng(18), 250, members, held_out)
    told = np.minimum(pairs.users, pairs.other_users) >= FEWEST
    assert cried((looks(pairs, ALPHA).p <= ALPHA) & told, 250) <= 0.06


@pytest.mark.soak
@pytest.mark.parametrize("enrolled", [10, 40])
def test_what_users_spend_fools_nobody_in_a_thousand_worlds(enrolled: int) -> None:
    entering = np.where(np.arange(40) < enrolled, 600.0 / enrolled, 0.0)
    random = np.random.default_rng(19)
    found = [daily_means(random, 50, entering * 3, entering) for _ in range(20)]
    alarmed = [
        cried(
            (looks(pairs, ALPHA).p <= ALPHA)
            & (np.minimum(pairs.users, pairs.other_users) >= FEWEST),
            50,
        )
        for pairs in found
    ]
    assert np.mean(alarmed) <= 0.06


def test_an_effect_is_found_all_the_same() -> None:
    entering = np.full(DAYS, 400.0)
    random = np.random.default_rng(20)
    better = daily_shares(random, 300, entering, 0.1)
    usual = daily_shares(random, 300, entering, 0.05)
    pairs = Shares(better.converted, better.users, usual.other_converted, usual.other_users)
    assert cried(alarms(pairs), 300) >= 0.95


def test_shares_that_are_right_raise_no_alarm_on_any_day() -> None:
    random = np.random.default_rng(21)
    held_out = random.binomial(200, 0.1, (1_000, DAYS)).cumsum(axis=1)
    users = np.broadcast_to(200 * np.arange(1, DAYS + 1), held_out.shape)
    tested = ratio_test(
        (users - held_out).ravel() * 1.0, held_out.ravel() * 1.0, np.full(held_out.size, 0.1)
    )
    assert cried(tested.always_valid_p <= 0.01, 1_000) <= 0.012
    wrong = ratio_test(users[0] * 0.93, users[0] * 0.07, np.full(DAYS, 0.1))
    assert wrong.always_valid_p[-1] <= 1e-6


# Segments of which two are planted as the same in what users do, and two in who is in them.
USERS: Final = 15_000
RATES: Final = {"A": 0.10, "B": 0.10, "C": 0.16, "D": 0.22, "E": 0.22, "F": 0.04}
PLANTED: Final = {("A", "B"), ("D", "E")}


def bought(random: Random, users: int, rate: float) -> Cohort:
    """What so many users brought."""
    converted = int(random.binomial(users, rate))
    value = random.lognormal(3, 0.5, converted)
    own = UserOutcome(converted, converted, float(value.sum()), float((value**2).sum()))
    return Cohort(users=users, outcomes={"conversion": own})


def added(*cohorts: Cohort) -> Cohort:
    own = [each.outcomes["conversion"] for each in cohorts]
    sums = (sum(getattr(x, name) for x in own) for name in UserOutcome.__struct_fields__)
    return Cohort(
        users=sum(each.users for each in cohorts), outcomes={"conversion": UserOutcome(*sums)}
    )


def world(random: Random, rates: Mapping[str, float]) -> Iterator[OutcomeRecord]:
    """Segments of their own users, but for E, which is D and a few others."""
    own = {name: bought(random, USERS, rate) for name, rate in rates.items() if name != "E"}
    shared = {name: dict[str, Cohort]() for name in rates}
    if "E" in rates:
        own["E"] = added(own["D"], bought(random, USERS // 20, rates["E"]))
        shared["D"]["E"] = shared["E"]["D"] = own["D"]
    for name, members in own.items():
        yield CohortOutcomes(
            *(name, "first", "2026-11-02"),
            members=members,
            others=bought(random, 4 * USERS, 0.08),
            both=shared[name],
        )


def proposed(worlds: int, rates: Mapping[str, float]) -> list[set[tuple[str, str]]]:
    random = np.random.default_rng(22)
    found = (audit(world(random, rates), Question(), AuditedConfiguration()) for _ in range(worlds))
    return [{(each.group, each.other) for each in one.same} for one in found]


def check_proposals(worlds: int) -> None:
    found = proposed(worlds, RATES)
    for pair in PLANTED:
        assert np.mean([pair in one for one in found]) >= 0.95
    assert np.mean([bool(one - PLANTED) for one in found]) <= 0.02


def test_planted_duplicates_are_found_and_distinct_segments_are_let_be() -> None:
    check_proposals(200)


@pytest.mark.soak
def test_planted_duplicates_are_found_in_many_worlds() -> None:
    check_proposals(2_000)


def check_just_apart(worlds: int) -> None:
    """Just as far apart as the margin allows, in conversion: each proposal is a mistake."""
    level = 0.10
    low, high = level * 0.9, level * 1.1
    rates = {"A": low, "B": high, "C": high * 1.1 / 0.9}
    found = proposed(worlds, rates)
    assert np.mean([bool(one) for one in found]) <= ALPHA


def test_segments_that_differ_by_the_margin_are_let_be() -> None:
    check_just_apart(200)


@pytest.mark.soak
def test_segments_that_differ_by_the_margin_are_let_be_in_many_worlds() -> None:
    check_just_apart(2_000)


def test_segments_without_any_difference_are_seldom_said_to_differ() -> None:
    random = np.random.default_rng(23)
    rates = dict.fromkeys("ABCD", 0.08)
    found = [
        audit(world(random, rates), Question(), AuditedConfiguration()).differences
        for _ in range(300)
    ]
    assert np.mean([any(each.differs for each in one) for one in found]) <= 0.075
    ordinary = np.mean([any(each.p <= ALPHA for each in one) for one in found])
    assert ordinary > 0.3  # without a correction
