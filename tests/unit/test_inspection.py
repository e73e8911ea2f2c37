"""What an input has that its configuration can't mean: what is refused, what is told, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import check
from flink_job.inspection.findings import Finding, Looked, ahead, disorder, findings
from flink_job.inspection.survey import Survey
from flink_job.inspection.timeline import FarAhead, Timeline
from flink_job.inspection.units import probable_unit
from flink_job.inspection.wanted import Wanted
from flink_job.jobs.input import staged_input
from flink_job.plan import Plan
from flink_job.staging.stage import Staging
from operators.base.errors import UsageError

NOW_US: Final = 1_780_000_000_000_000  # in May 2026
DAY_US: Final = 86_400_000_000
START_S: Final = 1_772_359_200  # 2026-03-01T10:00:00Z

FEATURES: Final = {
    "orders": {"count": "purchase", "window": "30d"},
    "spend": {"sum": "price", "of": "purchase", "window": "30d"},
}


def config(
    features: Mapping[str, Any] = FEATURES, run: Mapping[str, Any] | None = None, **events: Any
) -> dict[str, Any]:
    return {
        "source": {"files": {"paths": ["events.jsonl"]}},
        "output": {"folder": "out"},
        "events": events,
        "features": dict(features),
        "run": {"state": "state", **(run or {})},
    }


def event(user: str = "ana", time: Any = "2026-03-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "event_time": time, "event_type": "purchase", "price": 1, **more}


def surveyed(events: Sequence[Any], data: dict[str, Any] | None = None) -> Survey:
    survey = Survey(Wanted.of(check(data or config(), "the test")), NOW_US)
    survey.add([json.dumps(each).encode() for each in events])
    return survey


def found(
    events: Sequence[Any], data: dict[str, Any] | None = None, *, live: bool = False
) -> list[Finding]:
    return findings(surveyed(events, data), Looked(NOW_US, whole=True, live=live))


def test_an_input_that_is_what_is_meant() -> None:
    assert found([event(), event("ben", event_type="view")]) == []


def test_fields_that_no_event_has_are_refused_with_the_nearest_names() -> None:
    events = [{"UserID": "ana", "EventTime": "2026-03-01", "kind": "purchase"}]
    assert found(events) == [
        Finding(
            "events.user: none of 1 events has a field 'user_id', did you mean 'UserID'?", True
        ),
        Finding(
            "events.time: none of 1 events has a field 'event_time', did you mean 'EventTime'?",
            True,
        ),
        Finding(
            "events.type: none of 1 events has a field 'event_type'; "
            "they have 'UserID', 'EventTime', 'kind'",
            True,
        ),
    ]
    assert not any(each.fatal for each in found(events, live=True))


def test_types_and_properties_that_never_come_are_told() -> None:
    data = config({**FEATURES, "spend": {"sum": "prise", "of": "Purchase", "window": "1d"}})
    events = [event(event_type="Purchase"), event(event_type="Purchase"), event(event_type="view")]
    assert [each.text for each in found(events, data)] == [
        "features.orders: no event is of the type 'purchase' in 3 records, "
        "did you mean 'Purchase', which was seen 2 times?",
        "features.spend: none of 2 events of type Purchase has 'prise', did you mean 'price'?",
    ]


MEASURED: Final = {
    "conversion": {"event": "purchse", "value": "price"},
    "dear": {"event": ["purchase", "refund"], "value": "price", "where": "curency = 'EUR'"},
    "page": ["view", "screen"],
    "funnel": ["view", "purchse"],
    "strata": {"devise": ["mobile", "desktop"]},
}
DOUBTS: Final = [
    "outcomes.conversion: no event is of the type 'purchse' in 2 records, did you mean "
    "'purchase', which was seen 1 times?",
    "outcomes.dear: no event is of the type 'refund' in 2 records; there are 'purchase', 'view'",
    "outcomes.page: no event is of the type 'screen' in 2 records; there are 'purchase', 'view'",
    "outcomes.dear: none of 1 events of type purchase or refund has 'curency', "
    "did you mean 'currency'?",
    "outcomes.strata: none of 2 events has 'devise', did you mean 'device'?",
]


def test_types_and_properties_of_outcomes_that_never_come_are_told(tmp_path: Path) -> None:
    """Before a run, by `flockwise inspect`, and at the end of the run."""
    events = [
        event(currency="EUR", device="mobile"),
        event(event_type="view", currency="EUR", device="mobile"),
    ]
    data = config() | {"outcomes": MEASURED}
    assert [each.text for each in found(events, data)] == DOUBTS
    assert staged_input(plan(tmp_path, data, events), Staging()).doubts == tuple(DOUBTS)
    code, said, _ = inspected(str(tmp_path / "config.yaml"), "--json")
    assert (code, json.loads(said)["doubts"]) == (0, DOUBTS)
    _, said, _ = inspected(str(tmp_path / "config.yaml"))
    assert re.search(
        r"^price +100% +features.spend, outcomes.conversion, outcomes.dear$", said, re.MULTILINE
    )
    assert re.search(r"^devise +none +outcomes.strata$", said, re.MULTILINE)
    meant = {"conversion": {"event": "purchase", "value": "price"}, "page": "view"}
    assert found(events, config() | {"outcomes": meant}) == []


def test_a_property_that_only_other_types_have_is_told() -> None:
    events = [event(price=None), event(event_type="view")]
    assert [each.text for each in found(events)] == [
        "features.spend: none of 1 events of type purchase has 'price'"
    ]


def test_sessions_ids_and_renamed_types_that_never_come_are_told() -> None:
    data = config(session="visit", id="uuid", types={"pv": "view"})
    assert [each.text for each in found([event(visits=1)], data)] == [
        "events.types: no event is of the type 'pv' in 1 records",
        "events.session: none of 1 events has 'visit', did you mean 'visits'?",
        "events.id: none of 1 events has 'uuid'; "
        "they have 'user_id', 'event_time', 'event_type', 'price', 'visits'",
    ]


def test_one_type_of_all_events_needs_no_field_and_is_told_where_nothing_asks_for_it() -> None:
    bare = {name: value for name, value in event().items() if name != "event_type"}
    assert found([bare], config(type={"constant": "purchase"})) == []
    (doubt,) = found([bare], config(type={"constant": "purchased"}))
    assert doubt.text == (
        "features.orders: no event is of the type 'purchase' in 1 records, "
        "did you mean 'purchased', which was seen 1 times?"
    )


def test_an_id_that_never_comes_is_told_where_one_is_made_instead() -> None:
    events = [event(event_id="1")]
    (doubt,) = found(events, config(id=["evnt_id", "content"]))
    assert doubt.text == "events.id: none of 1 events has 'evnt_id', did you mean 'event_id'?"
    assert found(events, config(id=["event_id", "content"])) == []
    assert found(events, config(id="content")) == []


def test_a_session_that_every_event_leaves_empty_is_told_as_such() -> None:
    events = [event(visit=None), event(visit=None)]
    assert [each.text for each in found(events, config(session="visit"))] == [
        "events.session: 'visit' is empty in all of 2 events"
    ]


@pytest.mark.parametrize(
    ("said", "times", "meant"),
    [
        ("ms", [START_S, START_S + 60], "s"),
        ("us", [START_S * 1_000], "ms"),
        ("s", [START_S * 1_000], "ms"),
        ("ms", [START_S * 1_000_000], "us"),
        ("iso", [START_S], "s"),
        ("iso", [str(START_S * 1_000)], "ms"),
        ("s", ["2026-03-01 10:00:00"], "iso"),
    ],
)
def test_times_in_another_unit_are_refused(said: str, times: list[Any], meant: str) -> None:
    events = [event(time=time) for time in times]
    refused = [each.text for each in found(events, config(time_unit=said)) if each.fatal]
    assert len(refused) == 1
    assert refused[0].startswith("events.time_unit: ")
    assert refused[0].endswith(f"say time_unit: {meant}")
    assert found([event(time=time) for time in times], config(time_unit=meant)) == []


def test_times_near_1970_of_no_likely_unit_are_told() -> None:
    told = found([event(time=5), event(time=90)], config(time_unit="s"))
    assert told == [Finding("all times lie in 1970: are they seconds (events.time_unit)?")]


def test_users_who_are_nobody_are_told() -> None:
    told = found([event("null"), event("undefined"), event()])
    assert re.fullmatch(
        r"events.user: 2 of 3 events are of a user called '\w+' and '\w+', who may be nobody: "
        r"then name them in events.nobody",
        told[0].text,
    )


def test_records_that_cannot_be_used_are_told() -> None:
    told = found([event(price="1,249.00"), event(), [1]])
    assert sorted(each.text for each in told) == [
        "1 of 3 records can't be used: bad_value ('price': expected a finite number, "
        "found '1,249.00')",
        "1 of 3 records can't be used: not_an_object (Expected `object`, got `array`)",
    ]


def test_an_empty_input_is_told() -> None:
    assert found([]) == [Finding("the input has no records")]


def test_another_order_is_told() -> None:
    assert disorder(surveyed([event(time="2026-03-02"), event(time="2026-03-01")]))
    assert disorder(surveyed([event(time="2026-03-01"), event(time="2026-03-01")])) is None


def timeline(*days: float) -> Timeline:
    line = Timeline()
    line.add(np.array([round(day * DAY_US) for day in days], np.int64))
    return line


def test_what_lies_far_ahead_is_found() -> None:
    week = [day / 3 for day in range(21)]
    far = timeline(*week, 460).far_ahead()
    assert far == FarAhead(1, 460 * DAY_US, round(week[-1] * DAY_US))
    assert timeline(*week, 9).far_ahead() is None  # longer than the gaps before, not than the week
    assert timeline(*week, 460, 461).far_ahead() is None  # two of 23 are more than one in 20
    assert timeline(*week, *week, 460, 461).far_ahead() == FarAhead(
        2, 461 * DAY_US, round(week[-1] * DAY_US)
    )
    assert timeline(*[0] * 30, 0.9).far_ahead() is None
    assert timeline(*[0] * 30, 1.9).far_ahead() is not None
    assert timeline(-400, *week, 460).far_ahead() is not None  # nor does one that lies far behind
    assert timeline().far_ahead() is None
    assert timeline(5).far_ahead() is None


@given(st.lists(st.integers(0, 10**16), max_size=50), st.integers(1, 9))
def test_the_timeline_does_not_depend_on_chunks(times: list[int], size: int) -> None:
    whole, parts = Timeline(), Timeline()
    whole.add(np.array(times, np.int64))
    for start in range(0, len(times), size):
        parts.add(np.array(times[start : start + size], np.int64))
    assert parts.far_ahead() == whole.far_ahead()
    assert parts.newest_us == max(times, default=None)
    assert parts.oldest_us == min(times, default=None)


def test_who_is_far_ahead_is_said() -> None:
    events = [event(time=f"2025-03-{1 + n // 3:02}") for n in range(21)]
    survey = surveyed([*events, event("zed", time="2026-05-04")])
    told = ahead(survey)
    assert told is not None
    assert "1 event lies far ahead of all others, up to 2026-05-04" in told.text
    assert "of the user 'zed', 423 days later: the run ends as of the rest, 2025-03-07" in told.text


@pytest.mark.parametrize("times", [[], [None], ["soon"], [True], [1e300], [5]])
def test_no_unit_is_made_up(times: list[Any]) -> None:
    assert probable_unit(times, NOW_US) is None


def plan(folder: Path, data: dict[str, Any], events: Sequence[Any]) -> Plan:
    lines = "".join(json.dumps(each) + "\n" for each in events)
    (folder / "events.jsonl").write_text(lines)
    (folder / "config.yaml").write_text(yaml.safe_dump(data))
    return Plan(check(data, "the test"), folder)


def test_a_run_ends_as_of_the_rest(tmp_path: Path) -> None:
    events = [event(time=f"2025-03-{1 + n // 3:02}") for n in range(21)]
    events.insert(3, event("zed", time="2026-03-04"))
    staged = staged_input(plan(tmp_path, config(), events), Staging())
    assert staged is not None
    assert staged.end_us == 1_741_305_600_000_000  # 2025-03-07
    assert ["far ahead" in doubt for doubt in staged.doubts] == [True]
    said = config(run={"as_of": "2026-03-05T00:00:00Z"})
    staged = staged_input(plan(tmp_path, said, events), Staging())
    assert staged is not None
    assert staged.doubts == ()


def test_a_run_over_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'user_id'"):
        staged_input(plan(tmp_path, config(user="userid"), [event()]), Staging())


def test_an_order_that_is_to_stay_is_told(tmp_path: Path) -> None:
    data = config()
    data["source"]["files"]["order"] = "as_is"
    events = [event(time="2026-03-02"), event(time="2026-03-01")]
    staged = staged_input(plan(tmp_path, data, events), Staging())
    assert staged is not None
    assert "not in the order of time: 1 of 2" in staged.doubts[0]


def inspected(*arguments: str) -> tuple[int, str, str]:
    """How `flockwise inspect` ends, and what it says on both streams."""
    result = CliRunner().invoke(app, ["inspect", *arguments])
    error = result.exception if isinstance(result.exception, UsageError) else None
    return (error.exit_code if error else result.exit_code), result.stdout, result.stderr


def test_inspect_shows_fields_types_and_doubts(tmp_path: Path) -> None:
    plan(tmp_path, config(), [event(), event(event_type="view")])
    code, said, doubts = inspected(str(tmp_path / "config.yaml"))
    assert code == 0
    assert re.search(r"^user_id +100% +events.user$", said, re.MULTILINE)
    assert re.search(r"^price +100% +features.spend$", said, re.MULTILINE)
    assert re.search(r"^view +1$", said, re.MULTILINE)
    assert "it is what the configuration asks for" in doubts


def test_inspect_takes_another_file_and_refuses_as_a_run(tmp_path: Path) -> None:
    plan(tmp_path, config(), [event()])
    other = tmp_path / "other.csv"
    other.write_text("user;event_time;event_type;price\nana;2026-03-01;purchase;1\n")
    code, said, _ = inspected(str(tmp_path / "config.yaml"), str(other), "--json")
    assert code == 2
    told = json.loads(said)
    assert told["refused"] == [
        "events.user: none of 1 events has a field 'user_id', did you mean 'user'?"
    ]
    assert told["doubts"] == [f"{other}: columns are separated by semicolons"]
    assert told["fields"] == {"user": 1, "event_time": 1, "event_type": 1, "price": 1}
