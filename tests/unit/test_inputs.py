"""Inputs as people have them, from their files to who is in which segment, without Flink.

Each is of a kind that once ended in a green tick with nobody, or somebody else, in a segment.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from flink_job.config.load import check
from flink_job.jobs.input import staged_input
from flink_job.plan import Plan
from flink_job.staging.lines import LANE_WIDTH, RETURN
from flink_job.staging.stage import Staging
from operators.base.errors import ConfigError
from operators.contracts.records import Transition
from operators.events.decode import EventDecoder
from operators.events.numbers import NumberFormat
from operators.events.reasons import Reason
from operators.features.catalog import Catalog
from tests.property.pipeline import Pipeline, memberships, segments_of

NAMES: Final = {"user": "user_id", "time": "event_time", "type": "event_type"}
BUYERS: Final = {
    "features": {"n": {"count": "purchase", "window": "7d"}},
    "segments": {"Buyers": "n >= 1"},
}


@dataclass(frozen=True)
class Ran:
    """What came of a run: users by segment, dead letters by reason with their details, doubts."""

    segments: dict[str, set[str]]
    letters: dict[Reason, list[str]]
    doubts: tuple[str, ...]
    transitions: list[Transition]


def ran(
    folder: Path,
    files: Mapping[str, str | bytes],
    data: Mapping[str, Any],
    names: Mapping[str, str] = NAMES,
) -> Ran:
    """Run a configuration (features, segments by their `when`, events, run, source) over files."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    config = {
        "source": {"files": {"paths": list(files), **data.get("source", {})}},
        "output": {"folder": "out"},
        "events": {**names, **data.get("events", {})},
        "features": data["features"],
        "segments": {name: {"when": when} for name, when in data["segments"].items()},
        "run": {"state": "state", "resolution": "1m", **data.get("run", {})},
    }
    plan = Plan(check(config, "the test"), folder)
    staged = staged_input(plan, Staging())
    assert staged is not None
    end_us = plan.as_of_us() or staged.end_us
    assert end_us is not None
    return judged(plan, values_of(plan.folder.staged), end_us, staged.doubts)


def values_of(staged: Path) -> list[bytes]:
    with gzip.open(staged, "rt", encoding="utf-8", newline=None) as file:
        texts = [line.rstrip("\n").replace(RETURN, "\r")[LANE_WIDTH:] for line in file]
    return [text.encode("latin-1") for text in texts]


def judged(plan: Plan, values: Sequence[bytes], end_us: int, doubts: tuple[str, ...]) -> Ran:
    config = plan.config
    specs = {name: msgspec.to_builtins(spec) for name, spec in config.segments.items()}
    catalog = Catalog.compile(config.features, config.events.session_gap_us)
    run = Pipeline(
        catalog,
        segments_of(specs, 1),
        lanes=1,
        resolution=config.resolution_us,
        by_id=config.events.session is not None,
    )
    decoder = EventDecoder(
        config.events, catalog.event_types, catalog.numbers, catalog.texts, keyed=False
    )
    decoded = decoder.decode((), values, end_us)
    late = run.feed_decoded(decoded.events)
    run.finish(end_us)
    letters: dict[Reason, list[str]] = {}
    for rejected in decoded.rejected:
        letters.setdefault(rejected.reason, []).append(rejected.detail)
    if late:
        letters[Reason.LATE] = [""] * late
    found: dict[str, set[str]] = {name: set() for name in config.segments}
    for user, segments in memberships(run).items():
        for segment in segments:
            found[segment].add(user)
    return Ran(found, letters, doubts, run.transitions)


def lines(*events: Mapping[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def bought(user: Any = "ana", time: Any = "2026-03-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "event_time": time, "event_type": "purchase", **more}


def csv(*rows: str, header: str = "user_id,event_time,event_type") -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.csv", csv("0,ana,2026-03-01 10:00:00,purchase", "1,ben,2026-03-01,purchase",
                          header=",user_id,event_time,event_type")),
        ("semicolons.csv", csv("ana;2026-03-01 10:00:00;purchase;1,5",
                               "ben;2026-03-01 10:00:00;purchase;2",
                               header="user_id;event_time;event_type;value")),
        ("array.json", json.dumps([bought(), bought("ben")])),
        ("array.jsonl", json.dumps([bought(), bought("ben")])),
        ("pretty.json", json.dumps([bought(), bought("ben")], indent=2)),
        ("marked.jsonl", b"\xef\xbb\xbf" + lines(bought(), bought("ben")).encode()),
        ("marked.csv", "\ufeff" + csv("ana,2026-03-01 10:00:00,purchase",
                                      "ben,2026-03-01 10:00:00,purchase")),
        ("wide.csv", csv("ana\t2026-03-01 10:00:00\tpurchase", "ben\t2026-03-01\tpurchase",
                         header="user_id\tevent_time\tevent_type").encode("utf-16")),
    ],
)  # fmt: skip
def test_files_as_people_have_them(tmp_path: Path, name: str, content: str | bytes) -> None:
    found = ran(tmp_path, {name: content}, BUYERS)
    assert found.segments == {"Buyers": {"ana", "ben"}}
    assert found.letters == {}


def test_an_open_quote_is_a_dead_letter_with_its_line(tmp_path: Path) -> None:
    rows = ['ana,2026-03-01,purchase,"24 inch" x', 'ben,2026-03-01,purchase,"27 inch x']
    rows += ["cid,2026-03-01,purchase,y", "dot,2026-03-01,purchase,z"]
    header = "user_id,event_time,event_type,title"
    found = ran(tmp_path, {"events.csv": csv(*rows, header=header)}, BUYERS)
    assert found.segments == {"Buyers": {"ana", "cid", "dot"}}
    said = "line 3: a quote is opened in this row and not closed"
    assert found.letters == {Reason.BAD_ROW: [said]}
    assert found.doubts == (f"1 of 4 records can't be used: bad_row ({said})",)


def day(number: float) -> str:
    return (datetime(2026, 3, 1, 10, tzinfo=UTC) + timedelta(days=number)).isoformat()


def test_lifetimes_out_of_order(tmp_path: Path) -> None:
    features = {
        "orders": {"count": "purchase", "window": "lifetime"},
        "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    }
    events = [bought(time=day(-n), price=50 + n) for n in (0, 9, 28)]
    for order in ("time", "as_is"):
        data = {"features": features, "source": {"order": order},
                "segments": {"Repeat": "orders >= 3", "Big": "spend >= 150"}}  # fmt: skip
        found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
        assert found.segments == {"Repeat": {"ana"}, "Big": {"ana"}}
        assert found.letters == {}


def test_the_newest_first(tmp_path: Path) -> None:
    """An export that begins with its end gives what the same events give in their order."""
    data = {
        "features": {
            "visits": {"sessions": "30d"},
            "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
        },
        "segments": {"Regulars": "visits >= 3", "Buyers": "spend > 40"},
        "run": {"as_of": "2026-03-12T00:00:00Z"},
    }
    events = [
        {**bought("ben" if n % 3 else "ana", day(n + m / 500)), "event_type": "view"}
        for n in range(9)
        for m in range(3)
    ]
    events.insert(4, bought("ana", day(0.2), price=50))
    events.sort(key=lambda event: event["event_time"])
    in_order = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    assert in_order.segments == {"Regulars": {"ana", "ben"}, "Buyers": {"ana"}}
    turned = ran(tmp_path, {"events.jsonl": lines(*reversed(events))}, data)

    def told(found: Ran) -> list[tuple[str, str, str, str]]:
        return sorted((x.user, x.segment, x.kind, x.at) for x in found.transitions)

    assert told(turned) == told(in_order)
    assert turned.doubts == ()


@pytest.mark.parametrize("users", [3, 300])
def test_one_clock_ahead(tmp_path: Path, users: int) -> None:
    """One event of another year changes nothing for others, and does not end the run."""
    data = {
        "features": {"orders_7d": {"count": "purchase", "window": "7d"}},
        "segments": {"Active Buyers": "orders_7d >= 3"},
    }
    events = [bought(f"u{n}", day(number - 400)) for number in range(7) for n in range(users)]
    ahead = bought("zed", day(59))
    found = ran(tmp_path, {"events.jsonl": lines(*events[:3], ahead, *events[3:])}, data)
    assert found.segments == {"Active Buyers": {f"u{n}" for n in range(users)}}
    assert {each.kind for each in found.transitions} == {"enter"}
    assert list(found.letters) == [Reason.FUTURE]
    assert "far ahead of all others" in found.doubts[0]


def test_names_that_never_occur_are_told(tmp_path: Path) -> None:
    data = {
        "features": {
            "orders": {"count": "purchase", "window": "30d"},
            "spend": {"sum": "prise", "of": "Purchase", "window": "30d"},
        },
        "segments": {"Never Bought": "orders = 0"},
    }
    rows = ["ana,2026-03-01,Purchase,500", "ana,2026-03-02,Purchase,7", "ben,2026-03-02,view,"]
    header = "user_id,event_time,event_type,price"
    found = ran(tmp_path, {"events.csv": csv(*rows, header=header)}, data)
    assert found.doubts == (
        "features.orders: no event is of the type 'purchase' in 3 records, did you mean "
        "'Purchase', which was seen 2 times?",
        "features.spend: none of 2 events of type Purchase has 'prise', did you mean 'price'?",
    )


def test_types_that_are_numbers(tmp_path: Path) -> None:
    data = {**BUYERS, "events": {"types": {"1": "view", "4": "purchase"}}}
    events = [{**bought(1), "event_type": 1}, {**bought(1), "event_type": 4}]
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    assert found.segments == {"Buyers": {"1"}}
    assert found.letters == {}


def test_users_who_are_nobody(tmp_path: Path) -> None:
    events = [*(bought(name, day(n / 99)) for n in range(6) for name in ("null", 0)), bought()]
    data = {**BUYERS, "segments": {"VIP": "n >= 5"}}
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    assert found.segments == {"VIP": {"null", "0"}}
    assert "may be nobody: then name them in events.nobody" in found.doubts[0]
    said = {**data, "events": {"nobody": ["null", "undefined", "0"]}}
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, said)
    assert found.segments == {"VIP": set()}
    assert len(found.letters[Reason.MISSING_USER]) == 12


def test_local_times(tmp_path: Path) -> None:
    """Around the hour that is left out in Berlin on 29 March, with offsets and without."""
    berlin = {"zone": "Europe/Berlin"}
    data = {
        "events": berlin,
        "features": {"hour": {"hour": "any", **berlin}, "day": {"weekday": "any", **berlin}},
        "segments": {"Late": "hour = 23", "Night": "hour < 3", "Saturday": "day = 6"},
        "run": {"as_of": "2026-03-30T00:00:00Z"},
    }
    times = {
        "ana": "2026-03-28 23:30:00",
        "ben": "2026-03-29 01:30:00",
        "cid": "2026-03-29 03:30:00",
        "dot": "2026-03-29 23:30:00",
        "eva": "2026-03-28 22:30:00 UTC",
        "fay": "2026-03-28 23:30:00 +0100",
    }
    for some in (times, {name: times[name] for name in ("ana", "ben", "cid", "dot")}):
        events = [bought(user, time) for user, time in some.items()]
        found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
        others = some.keys() & {"eva", "fay"}
        assert found.segments == {
            "Late": {"ana", "dot"} | others,
            "Night": {"ben"},
            "Saturday": {"ana"} | others,
        }


SEGMENT: Final = [
    {"type": "page", "name": "Home", "userId": None, "anonymousId": "a1", "properties": {}},
    {"type": "track", "event": "Viewed", "userId": "", "anonymousId": "a1",
     "properties": {"price": 100.5}},
    {"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": {"plan": "pro"}},
    {"type": "track", "event": "Ordered", "userId": "u1", "properties": {"total": 120}},
]  # fmt: skip
AMPLITUDE: Final = [
    {"event_type": "Viewed", "user_id": None, "device_id": "a1"},
    {"event_type": "Viewed", "user_id": "u1", "device_id": "a1",
     "user_properties": {"plan": "pro"}},
    {"event_type": "Ordered", "user_id": "u1", "event_properties": {"total": 120}},
]  # fmt: skip
MIXPANEL: Final = [
    {"event": "Viewed", "properties": {"distinct_id": "a1"}},
    {"event": "identify", "properties": {"distinct_id": "u1", "plan": "pro"}},
    {"event": "Ordered", "properties": {"distinct_id": "x", "$user_id": "u1", "total": "120"}},
]
POSTHOG: Final = [
    {"event": "Viewed", "distinct_id": "a1", "properties": {"$session_id": "s0"}},
    {"event": "set", "distinct_id": "u1", "properties": {"$session_id": "s1", "plan": "pro"}},
    {"event": "Ordered", "distinct_id": "u1", "properties": {"$session_id": "s2", "total": 120}},
]
GA4: Final = [
    {"event_name": "Viewed", "user_id": None, "user_pseudo_id": "a1", "event_params": []},
    {"event_name": "set", "user_id": "u1",
     "user_properties": [{"key": "plan", "value": {"string_value": "pro", "int_value": None}}]},
    {"event_name": "Ordered", "user_id": "u1", "event_params": [
        {"key": "page", "value": {"string_value": "x"}},
        {"key": "total", "value": {"string_value": None, "int_value": "120"}}]},
]  # fmt: skip
SNOWPLOW: Final = [
    {"event": "page_view", "event_name": "Viewed", "domain_userid": "a1", "plan": None},
    {"event": "unstruct", "event_name": "set", "user_id": "u1", "plan": "pro"},
    {"event": "transaction", "event_name": "Ordered", "user_id": "u1", "total": 120},
]


@pytest.mark.parametrize(
    ("format_", "events", "time", "unit"),
    [
        ("segment", SEGMENT, "timestamp", None),
        ("amplitude", AMPLITUDE, "event_time", None),
        ("mixpanel", MIXPANEL, "properties", 1),
        ("posthog", POSTHOG, "timestamp", None),
        ("ga4_export", GA4, "event_timestamp", 1_000_000),
        ("snowplow", SNOWPLOW, "collector_tstamp", None),
    ],
)
def test_presets(
    tmp_path: Path, format_: str, events: list[dict[str, Any]], time: str, unit: int | None
) -> None:
    """Whoever is not logged in is another user; properties are found wherever they stand."""
    written = []
    for n, each in enumerate(events):
        at = datetime(2026, 3, 1, 9, n, tzinfo=UTC)
        moment: Any = at.isoformat() if unit is None else round(at.timestamp()) * unit
        nested = {**each[time], "time": moment} if format_ == "mixpanel" else moment
        written.append({**each, time: nested, "uuid": n, "messageId": n, "event_id": n})
    data = {
        "events": {"format": format_},
        "features": {
            "spend": {"sum": "total", "of": "Ordered", "window": "7d"},
            "plan": {"last": "plan"},
            "all": {"count": "any", "window": "7d"},
        },
        "segments": {"Spenders": "spend > 100", "Pro": "plan = 'pro'", "Seen": "all >= 1"},
    }
    found = ran(tmp_path, {"events.json": json.dumps(written)}, data, names={})
    assert found.letters == {}
    assert found.segments == {"Spenders": {"u1"}, "Pro": {"u1"}, "Seen": {"a1", "u1"}}


def test_paths_and_names_with_dots(tmp_path: Path) -> None:
    """A name is that of a field first, and else a path; what is said of a preset wins."""
    events = [
        {"who.is": "ana", "properties": {"at": "2026-03-01", "utm.source": "mail"},
         "event": "Ordered", "items": [{"price": 7}, {"price": 9}]},
        {"who": {"is": "ben"}, "properties": {"at": "2026-03-01", "utm": {"source": "mail"}},
         "event": "Ordered", "items": [], "items[0].price": 8},
        {"who": {"is": "cid"}, "properties": {"at": "2026-03-01", "utm": "mail"},
         "event": "Ordered", "items": {"price": 8}},
    ]  # fmt: skip
    data = {
        "events": {"format": "posthog", "user": ["nobody", "who.is"], "time": "properties.at"},
        "features": {
            "price": {"last": "items[0].price", "type": "number"},
            "mails": {
                "count": "Ordered",
                "window": "7d",
                "where": "\"properties.utm.source\" = 'mail'",
            },
        },
        "segments": {"Dear": "price >= 7", "Mailed": "mails >= 1"},
    }
    found = ran(tmp_path, {"events.json": json.dumps(events)}, data, names={})
    assert found.segments == {"Dear": {"ana", "ben"}, "Mailed": {"ana", "ben"}}
    assert found.letters == {}


def test_a_field_within_another_is_the_nearest_name(tmp_path: Path) -> None:
    data = {**BUYERS, "features": {"n": {"sum": "price", "of": "purchase", "window": "7d"}}}
    found = ran(tmp_path, {"events.jsonl": lines(bought(properties={"price": 5}))}, data)
    assert found.doubts == (
        "features.n: none of 1 events of type purchase has 'price', "
        "did you mean 'properties.price'?",
    )


def test_numbers_with_signs_between_thousands(tmp_path: Path) -> None:
    """A price that can't be read takes nothing from a count that does not ask for it."""
    values = [("ana", "1,249.00"), ("ana", "89.00"), ("ben", "950.00"), ("cid", "$1,200")]
    events = [bought(user, value=value) for user, value in [*values, ("dot", "N/A")]]
    data = {
        "events": {"number": {"thousands": ","}, "on_bad_value": "missing"},
        "features": {
            "spend": {"sum": "value", "of": "purchase", "window": "30d"},
            "orders": {"count": "purchase", "window": "30d"},
        },
        "segments": {"Big Spenders": "spend >= 1000", "Buyers": "orders >= 1"},
    }
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    everyone = {"ana", "ben", "cid", "dot"}
    assert found.segments == {"Big Spenders": {"ana", "cid"}, "Buyers": everyone}
    assert found.letters == {}
    assert found.doubts == (
        "1 value of 5 events can't be read, and is missing: "
        "'value': expected a finite number, found 'N/A'",
    )
    del data["events"]
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    assert len(found.letters[Reason.BAD_VALUE]) == 3


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1.249,50", "1249.50"),
        ("-7,5 \u20ac", "-7.5"),
        ("1249", "1249"),
        ("12.49", "12.49"),  # no such number: as it is, it is one
        ("N/A", "N/A"),
        ("1.2.3", "1.2.3"),
        ("$", "$"),
        (7, 7),
    ],
)
def test_numbers_as_they_are_written(written: Any, read_as: Any) -> None:
    assert NumberFormat(",", ".").plain([written]) == [read_as]


def test_whole_numbers_that_floats_do_not_tell_apart(tmp_path: Path) -> None:
    events = [bought("ana", category=2**60 + 1), bought("ben", category=2**60 + 2)]
    phones = {"count": "purchase", "window": "7d", "where": f"category = '{2**60 + 1}'"}
    data = {"features": {"phones": phones}, "segments": {"Lookers": "phones >= 1"}}
    found = ran(tmp_path, {"events.jsonl": lines(*events)}, data)
    assert found.segments == {"Lookers": {"ana"}}
    phones["where"] = f"category = {2**60 + 1}"
    with pytest.raises(ConfigError, match=f"write it as a text, '{2**60 + 1}'"):
        ran(tmp_path, {"events.jsonl": lines(*events)}, data)
