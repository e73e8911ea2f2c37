"""BG/NBD and Gamma-Gamma: against what was published, closed forms, and simulated customers."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from scipy import integrate, optimize, special
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.lifetime_value import bg_nbd, gamma_gamma
from flink_job.lifetime_value.bg_nbd import BgNbd
from flink_job.lifetime_value.customers import Customers
from flink_job.lifetime_value.gamma_gamma import GammaGamma
from flink_job.lifetime_value.purchases import Purchases
from flink_job.lifetime_value.table import read_customers
from flink_job.lifetime_value.worth import worth
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.records import Assignment, encode
from tests.effort import examples
from tests.samples import DATA

CDNOW: Final = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
COLUMNS: Final = "ID,x,t_x,T,zbar"


def of(*rows: tuple[float, float, float, float]) -> Customers:
    columns = np.array(rows, np.float64).reshape(-1, 4).T
    return Customers([f"c{at}" for at in range(len(rows))], *columns)


def cdnow() -> Path:
    path = DATA / "cdnow_summary.csv.gz"
    if not path.is_file():
        pytest.skip(f"there is no {path}: published figures were NOT tested; set FLOCKWISE_DATA")
    return path


def test_the_published_parameters_are_found() -> None:
    """Fader, Hardie and Lee 2005, table 2; Fader and Hardie's note on Gamma-Gamma, 2013."""
    customers = read_customers(cdnow(), COLUMNS.split(","))
    assert len(customers) == 2_357
    purchasing, sure = bg_nbd.fit(customers)
    assert np.round([purchasing.r, purchasing.alpha, purchasing.a, purchasing.b], 3).tolist() == [
        *(0.243, 4.414, 0.793, 2.426),
    ]
    assert sure.log_likelihood == pytest.approx(-9_582.4, abs=0.05)
    assert sure.problem is None
    assert np.all(sure.errors < 0.5 * sure.values)
    paying, paid = gamma_gamma.fit(customers)
    assert (paying.p, paying.q, paying.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert paid.problem is None
    value = worth(customers, 39.0)
    first = next(value.each())
    assert (first.customer, round(first.purchases, 3)) == ("1", 1.226)  # their spreadsheet
    assert first.value == pytest.approx(1.226 * 24.66, rel=1e-3)


def test_the_unit_of_time_and_money_makes_no_difference() -> None:
    with gzip.open(cdnow(), "rt") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    weeks = of(*((row["x"], row["t_x"], row["T"], row["zbar"]) for row in rows))
    seconds = Customers(
        weeks.names,
        weeks.frequency,
        weeks.recency * 604_800,
        weeks.age * 604_800,
        weeks.monetary_value * 100,
    )
    first, second = worth(weeks, 39.0), worth(seconds, 39.0 * 604_800)
    assert first.value is not None
    assert second.value is not None
    np.testing.assert_allclose(first.purchases, second.purchases, rtol=1e-4)
    np.testing.assert_allclose(first.value * 100, second.value, rtol=1e-4)
    likelihoods = [each.log_likelihood for each in (*first.models, *second.models)]
    repeats = float(weeks.frequency.sum())
    assert likelihoods[2] == pytest.approx(likelihoods[0] - repeats * np.log(604_800), abs=1e-3)
    assert likelihoods[3] == pytest.approx(likelihoods[1] - 946 * np.log(100), abs=1e-3)


def test_what_is_known_of_a_customer() -> None:
    customers = of((2, 30.43, 38.86, 22.35), (1, 1.71, 38.86, 11.77), (0, 0, 38.86, 0))
    assert CDNOW.alive(customers).tolist() == pytest.approx([0.7266, 0.2122, 1.0], abs=1e-3)
    assert CDNOW.expected(customers, 39.0).tolist() == pytest.approx(
        [1.226, 0.203, 0.195], abs=1e-3
    )
    paid = GammaGamma(p=6.25, q=3.74, gamma=15.44).expected(customers)
    assert paid.tolist() == pytest.approx([24.65, 18.91, 35.22], abs=0.05)
    assert GammaGamma(6.25, 3.74, 15.44).mean == pytest.approx(paid[2])


positive = st.floats(0.05, 30)


@given(positive, positive, positive, positive, st.integers(0, 200), st.floats(0.5, 500))
@settings(max_examples=examples(200))
def test_expectations_are_those_of_the_papers_formula(
    r: float, alpha: float, a: float, b: float, x: int, horizon: float
) -> None:
    if abs(a - 1) < 0.05:
        return  # there the formula breaks down
    model, age, recency = BgNbd(r, alpha, a, b), 90.0, 60.0 if x else 0.0
    customers = of((x, recency, age, 0))
    inner = special.hyp2f1(r + x, b + x, a + b + x - 1, horizon / (alpha + age + horizon))
    shrunk = ((alpha + age) / (alpha + age + horizon)) ** (r + x) * inner
    theirs = (a + b + x - 1) / (a - 1) * (1 - shrunk) * model.alive(customers)[0]
    if np.isfinite(theirs) and np.isfinite(inner) and shrunk < 1e3:
        assert model.expected(customers, horizon)[0] == pytest.approx(theirs, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("a", [0.4, 1.0, 3.0])
def test_expectations_are_those_of_the_integral_also_where_the_formula_breaks_down(
    a: float,
) -> None:
    model = BgNbd(r=0.7, alpha=5.0, a=a, b=1.5)

    def rate(p: float, s: float) -> float:
        density = p ** (a - 1) * (1 - p) ** 0.5 / special.beta(a, 1.5)
        return float(density * 0.7 * 5.0**0.7 / (5.0 + p * s) ** 1.7)

    wanted, _ = integrate.dblquad(rate, 0, 52, 1e-12, 1, epsabs=1e-8)
    assert model.expected_of_new(52.0) == pytest.approx(wanted, rel=1e-4)


def test_derivatives_are_those_of_the_likelihoods() -> None:
    customers = of((2, 30, 38, 22), (1, 2, 38, 11), (0, 0, 38, 0), (40, 35, 36, 3), (0, 0, 0, 0))
    for parameters in ([0.3, 4.0, 0.8, 2.5], [5.0, 0.1, 0.01, 9.0], [1.0, 1.0, 1.0, 1.0]):
        error = optimize.check_grad(
            lambda v: bg_nbd.log_likelihood(v, customers)[0],
            lambda v: bg_nbd.log_likelihood(v, customers)[1],
            parameters,
        )
        assert error < 1e-3
    told = customers.where(customers.repeating)
    for parameters in ([6.0, 4.0, 15.0], [0.2, 1.1, 0.3]):
        error = optimize.check_grad(
            lambda v: gamma_gamma.log_likelihood(v, told)[0],
            lambda v: gamma_gamma.log_likelihood(v, told)[1],
            parameters,
        )
        assert error < 1e-3


def test_many_purchases_and_long_times_stay_numbers() -> None:
    customers = of((5_000, 99_999.0, 100_000.0, 1e6), (3_000, 1.0, 100_000.0, 1e-3), (0, 0, 1e5, 0))
    for model in (CDNOW, BgNbd(1e-3, 1e-4, 20.0, 0.01), BgNbd(50.0, 1e4, 1e-3, 1e3)):
        assert np.all(np.isfinite(model.expected(customers, 1_000.0)))
        assert np.all((model.alive(customers) >= 0) & (model.alive(customers) <= 1))
    assert CDNOW.alive(customers)[1] == pytest.approx(0, abs=1e-100)
    found, slope = bg_nbd.log_likelihood(np.array([0.2, 4.0, 0.8, 2.0]), customers)
    assert np.isfinite(found)
    assert np.all(np.isfinite(slope))


def simulated(random: np.random.Generator, customers: int) -> Customers:
    """Customers who buy and stop as the model says, and pay as the other one says."""
    rates = random.gamma(0.8, 1 / 6.0, customers)
    gone = random.beta(0.9, 2.5, customers)
    age = random.uniform(20, 60, customers)
    prices = random.gamma(4.0, 1 / random.gamma(3.5, 1 / 20.0, customers))
    x, last, spent = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    now, alive = np.zeros(customers), np.ones(customers, bool)
    while np.any(alive):
        now = now + random.exponential(1 / rates)
        alive &= now <= age
        x, last = x + alive, np.where(alive, now, last)
        alive &= random.random(customers) > gone
    again = x > 0
    nu = prices / 4.0
    spent[again] = random.gamma(4.0 * x[again], nu[again]) / x[again]
    return Customers([str(at) for at in range(customers)], x, last, age, spent)


def test_parameters_of_simulated_customers_are_found_within_their_errors() -> None:
    customers = simulated(np.random.default_rng(5), 6_000)
    purchasing, sure = bg_nbd.fit(customers)
    truth = np.array([0.8, 6.0, 0.9, 2.5])
    assert sure.problem is None
    assert np.all(np.abs(sure.values - truth) < 4 * sure.errors)
    assert purchasing.expected(customers, 30.0).sum() > 0


def test_a_model_that_does_not_fit_says_so() -> None:
    alike = of(*[(3.0, 30.0, 40.0, 10.0)] * 50)
    found = worth(alike, 30.0)
    assert all(each.problem is not None for each in found.models)
    assert np.all(np.isfinite(found.purchases))
    no_values = of(*[(float(x), 10.0 * (x > 0), 40.0, 0.0) for x in (0, 1, 2, 5) * 20])
    assert worth(no_values, 30.0).value is None
    assert next(worth(no_values, 30.0).each()).value is None


def test_what_goes_with_how_often_is_told() -> None:
    random = np.random.default_rng(6)
    rows = simulated(random, 500)
    often = Customers(rows.names, rows.frequency, rows.recency, rows.age, rows.frequency * 10.0)
    problem = worth(often, 30.0).models[1].problem
    assert problem is not None


def test_customers_are_made_of_days() -> None:
    purchases = Purchases(
        names=["ann", "bob", "cid"],
        who=np.array([0, 1, 0, 0, 0, 2]),
        day=np.array([10, 12, 10, 14, 20, 30]),
        value=np.array([5.0, 7.0, 6.0, 8.0, 10.0, -3.0]),
        end=30,
    )
    found = purchases.customers()
    assert found.names == ["ann", "bob", "cid"]
    assert found.frequency.tolist() == [2, 0, 0]
    assert found.recency.tolist() == [10, 0, 0]
    assert found.age.tolist() == [20, 18, 0]
    assert found.monetary_value.tolist() == [9, 0, 0]


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["value", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: str) -> str:
    done = CliRunner().invoke(app, ["value", *words])
    assert isinstance(done.exception, FlockwiseError), done.output
    kind = 2 if isinstance(done.exception, UsageError) else 1
    return f"{kind}: {done.exception}"


def table(folder: Path, **columns: list[Any]) -> Path:
    usual: Mapping[str, list[Any]] = {
        "customer": ["ann", "bob", "cid", "dan"],
        "frequency": [2, 0, 5, 1],
        "recency": [30.4, 0.0, 38.0, 1.7],
        "T": [38.9, 38.9, 39.0, 38.9],
        "monetary_value": [22.4, 0.0, 50.0, 11.8],
    }
    path = folder / "customers.parquet"
    parquet.write_table(pa.table({**usual, **columns}), path)
    return path


def test_a_table_is_read_and_told_by_customer(tmp_path: Path) -> None:
    lines = run(str(table(tmp_path)), "--horizon", "39", "--customers").splitlines()
    assert lines[0].split() == [
        "customer",
        "alive",
        "purchases",
        "in",
        "39",
        "value",
        "of",
        "a",
        "customer",
    ]
    assert [line.split()[0] for line in lines[1:]] == ["ann", "bob", "cid", "dan"]
    whole = run(str(table(tmp_path)))
    assert whole.startswith("BG/NBD of 4 customers: r ")
    assert whole.splitlines()[-1].startswith("all customers  4")
    (*models, everyone) = map(json.loads, run(str(table(tmp_path)), "--json").splitlines())
    assert [each["kind"] for each in models] == ["model", "model"]
    assert everyone["segment"] == "all customers"


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"T": [1.0, 38.9, 39.0, 38.9]}, "recency is larger than T, of 'ann'"),
        ({"frequency": [2, 0, -5, 1]}, "frequency is no number of 0 or more, of 'cid'"),
        ({"frequency": [0, 0, 0, 0], "recency": [0.0] * 4}, "nobody has bought again"),
        ({"recency": [30.4, 5.0, 38.0, 1.7]}, "recency is not 0 without repeat purchases"),
        (
            {"recency": [0.0, 0.0, 38.0, 0.0]},
            "recency is 0 with repeat purchases, of 'ann', and of 1",
        ),
        ({"frequency": [2.5, 0, 5, 1]}, "frequency is no whole number"),
        (
            {"monetary_value": ["a", "b", "c", "d"]},
            "the column 'monetary_value' has what is no number",
        ),
        ({"monetary_value": [None, 1.0, 2.0, 3.0]}, "monetary_value is no number of 0 or more"),
    ],
)
def test_a_table_that_can_not_be_is_refused(
    tmp_path: Path, columns: dict[str, list[Any]], told: str
) -> None:
    assert told in refused(str(table(tmp_path, **columns)))


def test_what_can_not_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    path = table(tmp_path)
    assert "there is no column 'id'" in refused(str(path), "--columns", "id,x,t_x,T,zbar")
    assert "--columns: expected 5 names, found 2" in refused(str(path), "--columns", "id,x")
    assert refused(str(tmp_path / "none.csv")).startswith("2: ")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"nothing of the kind")
    assert "no table that can be read" in refused(str(broken))


def shop(folder: Path, **outcomes: Any) -> Path:
    """A configuration over files whose run has put half of the users into a segment."""
    random = np.random.default_rng(7)
    lines = []
    for user in range(60):
        for number, day in enumerate(np.unique(random.integers(1, 29, 1 + user % 5)).tolist()):
            event = {
                "user_id": f"u{user}",
                "event_time": f"2026-09-{day:02d}T12:00:00Z",
                "id": f"{number}",
            }
            price = round(random.gamma(3.0, 5.0), 2)
            lines.append({**event, "event_type": "purchase", "price": price})
            lines.append({**event, "event_type": "purchase", "price": price})  # sent again
            lines.append({**event, "event_type": "view", "id": f"v{number}"})
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    config = {
        "source": {"files": {"paths": ["events.jsonl"]}},
        "output": {"folder": "out"},
        "events": {"user": "user_id", "time": "event_time", "type": "event_type", "id": "id"},
        "features": {"views": {"count": "view", "window": "1h"}},
        "segments": {"Viewers": {"when": "views > 3"}, "Nobody": {"when": "views > 99"}},
        "outcomes": outcomes or {"purchase": {"event": "purchase", "value": "price"}},
    }
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(config))
    assignments = folder / "out" / "assignments"
    assignments.mkdir(parents=True, exist_ok=True)
    told = (
        Assignment(f"u{at}", 1, "2026-09-30T00:00:00Z", ["Viewers"] if at % 2 else [])
        for at in range(60)
    )
    (assignments / "part-0").write_bytes(b"".join(encode(each) + b"\n" for each in told))
    return path


def test_purchases_are_read_from_the_events_and_told_by_segment(tmp_path: Path) -> None:
    *models, viewers, everyone = map(json.loads, run(str(shop(tmp_path)), "--json").splitlines())
    assert models[0]["customers"] == everyone["customers"] == 60
    assert (viewers["segment"], viewers["customers"]) == ("Viewers", 30)
    assert everyone["value"] > 0
    each = [
        json.loads(line)
        for line in run(str(tmp_path / "shop.yaml"), "--json", "--customers").splitlines()
    ]
    customers = [line for line in each if line["kind"] == "customer"]
    assert len(customers) == 60
    assert sum(line["value"] for line in customers) == pytest.approx(everyone["total_value"])


def test_only_events_that_meet_the_outcomes_condition_are_purchases(tmp_path: Path) -> None:
    dear = {"event": "purchase", "value": "price", "where": "price > 12"}
    path = str(shop(tmp_path, dear=dear, view={"event": "view"}))
    model = json.loads(run(path, "--json").splitlines()[0])
    assert 0 < model["customers"] < 60
    assert "there is no 'deer', did you mean 'dear'?" in refused(path, "--outcome", "deer")
    never = shop(tmp_path, never={"event": "purchase", "value": "price", "where": "price > 1e6"})
    assert "nobody has bought anything" in refused(str(never))
    both = shop(tmp_path, one=dear, two=dear)
    assert "which one is a purchase? there are one, two" in refused(str(both))
    assert refused(str(both), "--columns", "a,b,c,d,e").startswith("2: --columns:")
