"""Funnels, cohorts and retention of real shops on a mini-cluster, against pandas."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    OutcomeRecord,
    UserOutcome,
)
from tests.flink.harness import run_job
from tests.samples import DATA

pytestmark = pytest.mark.flink

MINUTE = pd.Timedelta("1min")
FUNNEL = ["product_view", "add_to_cart", "purchase"]
SEGMENTS = {"Customers": {"when": "orders >= 1"}, "Nobody": {"when": "orders < 0"}}


def data(name: str, folder: Path) -> str:
    """A real file in the folder of a run; skips without it."""
    if not (DATA / name).is_file():
        pytest.skip(f"there is no {DATA / name}: set FLOCKWISE_DATA to the folder of real events")
    shutil.copy(DATA / name, folder / name)
    return name


def outcomes_of(
    folder: Path, name: str, events: Mapping[str, str], outcomes: Mapping[str, Any]
) -> list[OutcomeRecord]:
    config = {
        "source": {"files": {"paths": [name]}},
        "output": {"folder": "out"},
        "events": dict(events),
        "features": {"orders": {"count": "purchase", "window": "lifetime"}},
        "segments": SEGMENTS,
        "outcomes": dict(outcomes),
        "run": {"state": "state", "lanes": 4, "as_of": "2026-01-01T00:00:00Z"},
    }
    return run_job(folder, config).outcomes()


def in_sessions(events: pd.DataFrame, session: str) -> pd.DataFrame:
    """Events in the order of time, and which of their user's sessions each is in: by its id."""
    events = events.sort_values("time", kind="stable")
    before = events.groupby("user_id")[session].shift()
    events["opens"] = events[session].ne(before)
    events["visit"] = events.groupby("user_id")["opens"].cumsum()
    return events


def reached(types: Sequence[str]) -> int:
    """How many steps of the funnel these events take, one after the other."""
    step = 0
    for each in types:
        step += step < len(FUNNEL) and each == FUNNEL[step]
    return step


def retention(events: pd.DataFrame, first: pd.Series) -> dict[str, list[int]]:
    """By the week of entering: how many users were active so many weeks later."""
    events = events.assign(first=events["user_id"].map(first)).dropna(subset="first")
    events = events[events["time"] >= events["first"]]
    weeks = pd.concat(
        [
            pd.DataFrame({"user_id": first.index, "first": first.to_numpy(), "later": 0}),
            events.assign(later=(monday(events["time"]) - monday(events["first"])).dt.days // 7),
        ]
    )
    weeks["cohort"] = monday(weeks["first"]).dt.strftime("%Y-%m-%d")
    counts = weeks.groupby(["cohort", "later"])["user_id"].nunique().unstack(fill_value=0)
    counts = counts.reindex(columns=range(64), fill_value=0)
    return {cohort: trimmed(row.tolist()) for cohort, row in counts.iterrows()}


def monday(times: pd.Series) -> pd.Series:
    return times.dt.normalize() - pd.to_timedelta(times.dt.weekday, unit="D")


def trimmed(numbers: list[int]) -> list[int]:
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def cohorts(records: Sequence[OutcomeRecord], name: str, group: str) -> dict[str, Cohort]:
    own = (each for each in records if isinstance(each, CohortOutcomes) and each.name == name)
    found = {each.cohort: getattr(each, group) for each in own}
    return {cohort: taken for cohort, taken in found.items() if taken.users}


def days(records: Sequence[OutcomeRecord], name: str) -> list[DayOutcomes]:
    return [each for each in records if isinstance(each, DayOutcomes) and each.name == name]


def test_funnel_and_retention_of_half_a_year_are_those_of_pandas(tmp_path: Path) -> None:
    name = data("ecom_6months_31k.csv.gz", tmp_path)
    fields = {"user": "user_id", "time": "timestamp", "type": "event", "session": "session_id"}
    asked = {"order": {"event": "purchase"}, "funnel": FUNNEL, "cohorts": "week"}
    records = outcomes_of(tmp_path, name, fields, asked)

    events = pd.read_csv(DATA / name, parse_dates=["timestamp"])
    events = in_sessions(events.rename(columns={"timestamp": "time"}), "session_id")
    steps = events.groupby(["user_id", "visit"])["event"].agg(list).map(reached)
    told = [
        [day.others.steps for day in days(records, "Nobody")],
        [x.steps for day in days(records, "Customers") for x in (day.members, day.others)],
    ]
    for found in told:
        assert [sum(each) for each in zip(*filter(None, found), strict=True)] == [
            int((steps > step).sum()) for step in range(len(FUNNEL))
        ]

    everyone = cohorts(records, "Nobody", "others")
    first = events.groupby("user_id")["time"].min()
    assert {cohort: x.retained for cohort, x in everyone.items()} == retention(events, first)

    bought = events[events["event"] == "purchase"]
    entered = bought.groupby("user_id")["time"].min().dt.floor("1min") + MINUTE
    customers = cohorts(records, "Customers", "members")
    assert {cohort: x.retained for cohort, x in customers.items()} == retention(events, entered)
    again = bought[bought["time"] >= bought["user_id"].map(entered)]
    orders = [x.outcomes.get("order", UserOutcome()) for x in customers.values()]
    assert sum(each.conversions for each in orders) == len(again) > 0
    assert sum(each.converted for each in orders) == again["user_id"].nunique()


def test_sessions_and_sales_of_a_night_are_those_of_pandas(tmp_path: Path) -> None:
    name = data("rees46_2019oct_17k.csv.gz", tmp_path)
    fields = {"time": "event_time", "type": "event_type", "session": "user_session"}
    asked = {"sale": {"event": "purchase", "value": "price"}, "page": "view"}
    records = outcomes_of(tmp_path, name, {"user": "user_id", **fields}, asked)

    events = pd.read_csv(DATA / name, dtype={"user_id": str})
    events["time"] = pd.to_datetime(events["event_time"].str.removesuffix(" UTC"))
    events = in_sessions(events, "user_session")
    visits = events.groupby(["user_id", "visit"])
    sales = events[events["event_type"] == "purchase"]
    pages = visits["event_type"].agg(lambda types: (types == "view").sum())
    (day,) = days(records, "Nobody")
    found = day.others
    assert found.sessions == len(visits)
    assert found.pages == pages.sum()
    assert found.bounces == (pages == 1).sum()
    lengths = visits["time"].max() - visits["time"].min()
    assert found.seconds == lengths.sum().total_seconds()
    assert found.conversions == {"sale": len(sales)}
    assert found.value["sale"] == pytest.approx(sales["price"].sum(), abs=1e-4)
    assert found.converted == {"sale": sales.groupby(["user_id", "visit"]).ngroups}
