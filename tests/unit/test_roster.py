"""Rosters: how they are said, how their records are decoded, and how their files are staged."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from flink_job.config.load import check
from flink_job.jobs.input import StagedInput, staged_input
from flink_job.plan import Plan
from flink_job.staging.lines import LANE_WIDTH, lane_text
from flink_job.staging.stage import Staging
from operators.base.errors import ConfigError, UsageError
from operators.contracts.letters import dead_letter
from operators.events.markers import BAD_ROW, NULL, ROSTER
from operators.events.roster import RosterDecoder, parted
from operators.events.spec import EventsSpec

KAFKA: Final = {"source": {"kafka": {"bootstrap": "b", "topic": "events"}}}
FILES: Final = {"source": {"files": {"paths": ["events.jsonl"]}}}
FEATURES: Final = {
    "orders": {"count": "purchase", "window": "7d"},
    "spend": {"sum": "price", "window": "7d"},
    "plan": {"last": "plan", "where": "age > 17"},
    "age": {"first": "age", "type": "number"},
}


def config(source: dict[str, Any], roster: Any) -> dict[str, Any]:
    rest = {"output": {"folder": "out"}, "features": FEATURES, "run": {"state": "state"}}
    return {**source, "roster": roster, **rest}


@pytest.mark.parametrize(
    ("source", "roster", "expected"),
    [
        (FILES, {}, "roster: expected either files or topic"),
        (FILES, {"topic": "t"}, "roster.topic: beside events from files expected files"),
        (FILES, {"files": {"paths": []}}, "roster.files.paths: expected at least one file"),
        (FILES, {"file": 1}, "roster.file: unknown name 'file', did you mean 'files'?"),
        (
            FILES,
            {"files": {"paths": ["a.csv"]}, "user": ["id", ""]},
            "roster.user: expected the name of a field of its records",
        ),
        (
            KAFKA,
            {"files": {"paths": ["a.csv"]}},
            "roster.files: beside events from Kafka expected a topic: `flockwise load FILE "
            "--roster` puts files into it",
        ),
        (
            KAFKA,
            {"topic": "events"},
            "roster.topic: expected another topic than that of events, events",
        ),
        (
            {"source": {"kafka": {**KAFKA["source"]["kafka"], "start": "latest"}}},
            {"topic": "users"},
            "source.kafka.start: a roster is read from its beginning, which goes with earliest "
            "alone, found latest",
        ),
    ],
)
def test_a_mistake_in_a_roster_is_told(source: Any, roster: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check(config(source, roster), "the test")
    assert expected in [str(problem) for problem in raised.value.problems]


def test_the_user_is_that_of_events_unless_it_is_said() -> None:
    said = {"files": {"paths": ["a.csv"]}}
    assert check(config(FILES, said), "the test").roster_user == "user_id"
    several = {**said, "user": ["id", "key"]}
    assert check(config(FILES, several), "the test").roster_user == "id\0key"
    assert check(config(FILES, None), "the test").roster_user is None


def decoder(*, keyed: bool = False, **events: Any) -> RosterDecoder:
    spec = EventsSpec(**events)
    return RosterDecoder("id", spec, {"age"}, {"plan"}, 3, keyed=keyed)


def test_records_are_people_or_say_why_not() -> None:
    values = [
        b'{"id": "ann", "plan": "pro", "age": 20, "price": "what?"}',
        b'{"id": 17}',
        b'{"plan": "pro"}',
        b'{"id": "bob", "age": "old"}',
        b"none",
        NULL,
        BAD_ROW + b"a,b",
    ]
    decoded = decoder().decode((), values)
    people = decoded.events
    assert list(people.users) == ["ann", "17"]
    assert people.source.tolist() == [0, 1]
    assert people.type.tolist() == [3, 3]  # of no type that is known
    assert people.time_us.tolist() == [0, 0]
    assert people.texts == {"plan": ["pro", None]}
    assert {each.source: each.detail for each in decoded.rejected} == {
        2: "roster: the user is missing, null or empty",
        3: "roster: 'age': expected a finite number, found 'old'",
        4: "roster: JSON is malformed: invalid character (byte 4)",
        5: "roster: the record has no value",
        6: "roster: the row has other columns than the header",
    }
    assert {each.reason for each in decoded.rejected} == {"bad_roster"}
    letters = [dead_letter(each, NULL, values[each.source], 0, 100) for each in decoded.rejected]
    assert [letter.raw for letter in letters if "row" in letter.detail] == ["a,b"]


def test_traits_are_read_as_events_say() -> None:
    written = decoder(
        on_bad_value="missing", nobody=["null"], properties=["traits"], key="user"
    ).decode((), [b'{"id": "ann", "traits": {"plan": "pro", "age": "old"}}', b'{"id": "null"}'])
    assert list(written.events.users) == ["ann"]
    assert written.events.texts == {"plan": ["pro"]}
    assert [each.detail for each in written.unread] == [
        "roster: 'age': expected a finite number, found 'old'"
    ]
    assert [each.source for each in written.rejected] == [1]


def test_the_key_must_be_the_user_and_a_record_not_too_large() -> None:
    values = [b'{"id": "ann"}', b'{"id": "bob"}', b'{"id": "' + b"c" * 100 + b'"}']
    found = decoder(keyed=True, max_bytes=50).decode([b"ann", b"ann", b"c"], values)
    assert list(found.events.users) == ["ann"]
    assert {each.source: each.detail for each in found.rejected} == {
        1: "roster: the key is not the user in the value",
        2: "roster: larger than 50 bytes",
    }


def test_records_of_the_roster_are_told_from_events_by_their_marker() -> None:
    keys, values = [b"a", b"b", b"c", b"d"], [b"1", ROSTER + b"2", ROSTER, NULL]
    people, others = parted(keys, values)
    assert people == ([b"b", b"c"], [b"2", NULL])
    assert others == ([b"a", b"d"], [b"1", NULL])
    assert parted(keys[:1], values[:1]) == (([], []), (keys[:1], values[:1]))


def staged(folder: Path, people: str, events: Sequence[dict[str, Any]]) -> tuple[StagedInput, Any]:
    """What was staged, and its lines: the text of the lane, and the record."""
    (folder / "users.csv").write_text(people)
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "events.jsonl").write_text(lines)
    roster = {"files": {"paths": ["users.csv"]}, "user": "id"}
    plan = Plan(check(config(FILES, roster), "the test"), folder)
    found = staged_input(plan, Staging())
    with gzip.open(plan.folder.staged, "rt", encoding="utf-8") as file:
        texts = [line.rstrip("\n") for line in file]
    return found, [(text[:LANE_WIDTH], text[LANE_WIDTH:].encode("latin-1")) for text in texts]


def event(day: int) -> dict[str, Any]:
    return {"user_id": "ann", "event_time": f"2026-03-{day:02}", "event_type": "purchase"}


def test_a_roster_is_staged_before_all_events_whatever_their_order(tmp_path: Path) -> None:
    events = [{**event(3), "price": 1, "plan": "a", "age": 18}, event(1), event(2)]
    found, lines = staged(tmp_path, "id,plan,age\nann,pro,20\ncay,free,\n,pro,1\n", events)
    assert found.records == 6
    assert [lane for lane, _ in lines[:2]] == [lane_text(b"ann"), lane_text(b"cay")]
    assert [value.startswith(ROSTER) for _, value in lines] == [True] * 3 + [False] * 3
    days = [json.loads(value)["event_time"] for _, value in lines[3:]]
    assert days == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert found.doubts == (
        "1 of 3 records of the roster can't be used: roster: the user is missing, null or empty",
    )


def test_a_roster_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        staged(tmp_path, "ID,plan\nann,pro\n", [event(1)])
    assert str(raised.value) == (
        "roster.user: none of 1 records of the roster can be used ('id'), did you mean 'ID'?"
    )
