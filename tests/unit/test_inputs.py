"""Inputs as people have them, from their files to who is in which segment, without Flink.

Each is of a kind that once ended in a green tick with nobody, or somebody else, in a segment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from operators.base.errors import ConfigError
from operators.events.numbers import NumberFormat
from operators.events.reasons import Reason
from tests.inputs import Ran, ran

BUYERS: Final = {
    "features": {"n": {"count": "purchase", "window": "7d"}},
    "segments": {"Buyers": "n >= 1"},
}


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
    for view, purchase in ((1, 4), (1.0, 4.0)):
        events = [{**bought(1), "event_type": view}, {**bought(1), "event_type": purchase}]
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


MATOMO: Final = [
    {"type": "action", "eventAction": "Viewed", "visitorId": "a1", "userId": None, "idVisit": "7"},
    {"type": "event", "eventAction": "set", "userId": "u1", "visitorId": "a1", "plan": "pro"},
    {"type": "Ordered", "userId": "u1", "idVisit": 8, "total": "120"},
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
        ("matomo", MATOMO, "timestamp", 1),
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
        nested = {**each["properties"], "time": moment} if format_ == "mixpanel" else moment
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
    with pytest.raises(ConfigError, match=f"write an id as a text, '{2**60 + 1}'"):
        ran(tmp_path, {"events.jsonl": lines(*events)}, data)


def test_ids_that_differ_by_a_point_and_a_zero(tmp_path: Path) -> None:
    """In tables and as numbers they are one; texts are what they are, and are told."""
    header = "user_id,event_time,event_type,session"
    rows = ["7,2026-03-01,purchase,1", "7.0,2026-03-02,purchase,1.0", "x.0,2026-03-02,purchase,1"]
    data = {
        "features": {"n": {"count": "purchase", "window": "7d"}, "visits": {"sessions": "7d"}},
        "segments": {"Twice": "n = 2", "One Visit": "visits = 1"},
        "events": {"session": "session"},
    }
    found = ran(tmp_path, {"events.csv": csv(*rows, header=header)}, data)
    assert found.segments == {"Twice": {"7"}, "One Visit": {"7", "x.0"}}
    assert [each.split(": ", 1)[1] for each in found.doubts] == [
        "whole numbers in 'user_id' are written as 7.0: read as 7"
    ]
    numbers = [bought(7, session=1), bought(7.0, "2026-03-02", session=1.0)]
    found = ran(tmp_path, {"events.jsonl": lines(*numbers)}, data)
    assert (found.segments["Twice"], found.doubts) == ({"7"}, ())
    found = ran(tmp_path, {"events.jsonl": lines(bought("7", session=1), bought("7.0"))}, data)
    assert (found.segments["Twice"], found.letters) == (set(), {})
    assert "'7.0' (1 events), a text that is not '7'" in found.doubts[0]


def test_a_file_that_is_read_twice_counts_once(tmp_path: Path) -> None:
    """Also if the second is another export of it: a table, or with other fields first."""
    data = {
        "features": {"n": {"count": "purchase", "window": "7d"}},
        "segments": {"Once": "n = 1", "Twice": "n = 2"},
        "events": {"id": "content"},
    }
    events = [bought(price=1, note=""), bought("ben", price=2.5), bought("ben", price=3.5)]
    header = "price,user_id,event_time,event_type"
    rows = ["1.0,ana,2026-03-01 10:00:00,purchase", "2.50,ben,2026-03-01T11:00:00+01:00,purchase"]
    files = {
        "a.jsonl": lines(*events),
        "b.jsonl": lines(*events),
        "c.csv": csv(*rows, header=header),
    }
    found = ran(tmp_path, files, data)
    assert found.segments == {"Once": {"ana"}, "Twice": {"ben"}}
    assert (found.letters, found.doubts) == ({}, ())


def test_a_trait_that_is_taken_back(tmp_path: Path) -> None:
    """Null takes a trait back where that is said, and a call that does not speak of it does not."""

    def call(user: str, time: str, **traits: Any) -> dict[str, Any]:
        who = {"userId": user, "timestamp": time, "messageId": f"{user} {time}"}
        return {**who, "type": "identify", "traits": traits}

    calls = [call("ana", "2026-03-01", plan="pro"), call("ana", "2026-03-05", plan=None)]
    calls += [call("ben", "2026-03-01", plan="pro"), call("ben", "2026-03-05", city="Bern")]
    data = {
        "events": {"format": "segment", "takes_back": True},
        "features": {"plan": {"last": "plan", "of": "identify", "default": "none"}},
        "segments": {"Pro": "plan = 'pro'", "None": "plan = 'none'"},
    }
    found = ran(tmp_path, {"calls.jsonl": lines(*calls)}, data, names={})
    assert found.segments == {"Pro": {"ben"}, "None": {"ana"}}
    left = [(each.user, each.at[:10]) for each in found.transitions if each.kind == "leave"]
    assert left == [("ana", "2026-03-05")]
    del data["events"]["takes_back"]
    found = ran(tmp_path, {"calls.jsonl": lines(*calls)}, data, names={})
    assert found.segments == {"Pro": {"ana", "ben"}, "None": set()}


def test_visits_with_their_actions(tmp_path: Path) -> None:
    """As Matomo's API gives them: each action is an event of its own, with the visit's fields."""
    big = 2**70
    ordered = {"type": "ecommerceOrder", "timestamp": 1772359300, "revenue": 120.5, "country": "CH"}
    looked = {"type": "event", "eventAction": "Looked", "timestamp": 1772359200, "pageId": "1"}
    visits = [
        {"idVisit": "1", "visitorId": "ana", "userId": None, "country": "DE", "big": big,
         "actionDetails": [looked, ordered]},
        {"idVisit": "2", "visitorId": "x", "userId": "ben", "country": "DE",
         "actionDetails": [{**looked, "pageId": "2"}, {**looked, "pageId": "2"}, 7]},
        {"idVisit": "3", "visitorId": "cid", "actionDetails": []},
    ]  # fmt: skip
    data = {
        "events": {"format": "matomo"},
        "features": {
            "spend": {"sum": "revenue", "of": "ecommerceOrder", "window": "7d"},
            "looks": {"count": "Looked", "window": "7d", "where": "country = 'DE'"},
            "country": {"last": "country"},
            "big": {"first": "big"},
        },
        "segments": {
            **{"Buyers": "spend > 100", "Lookers": "looks = 1", "Swiss": "country = 'CH'"},
            "Big": f"big = '{big}'",
        },
    }
    found = ran(tmp_path, {"visits.json": json.dumps(visits)}, data, names={})
    assert found.segments == {
        **{"Buyers": {"ana"}, "Lookers": {"ana", "ben"}, "Swiss": {"ana"}, "Big": {"ana"}}
    }
    assert {reason: len(details) for reason, details in found.letters.items()} == {
        Reason.NOT_AN_OBJECT: 1,
        Reason.MISSING_TIME: 1,
    }
