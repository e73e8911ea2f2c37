"""Inputs as people have them, and what a user wants of each: made here, a case for each kind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

BUYS: Final = {"n": {"count": "purchase", "window": "7d"}}
BUYERS: Final = {"Buyers": "n >= 1"}
FIRST: Final = datetime(2025, 11, 3, 8, tzinfo=UTC)  # a Monday


@dataclass(frozen=True)
class Wanted:
    """How `flockwise run` is to end: its exit code, and what it says.

    `members` are who is in each segment at the end, `letters` the reasons of dead letters, each
    with how many. `since` has moments of entering, as the beginning of what is written, and
    `moves` how many transitions there are in all; None is any.
    """

    members: Mapping[str, set[str]] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)
    says: Sequence[str] = ()
    since: Mapping[tuple[str, str], str] = field(default_factory=dict)
    moves: int | None = None
    code: int = 0


@dataclass(frozen=True)
class Input:
    """Files, what is said of them in `events` and `run`, features, segments by their `when`."""

    files: Mapping[str, str | bytes]
    wanted: Wanted
    features: Mapping[str, Any] = field(default_factory=lambda: BUYS)
    segments: Mapping[str, str] = field(default_factory=lambda: BUYERS)
    events: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """The configuration over the files."""
        return {
            "source": {"files": {"paths": list(self.files), **self.source}},
            "output": {"folder": "out"},
            "events": dict(self.events),
            "features": dict(self.features),
            "segments": {name: {"when": when} for name, when in self.segments.items()},
            "run": {"clock": "event", "resolution": "1m", "lanes": 2, "state": "state", **self.run},
        }


def at(days: float = 0, **more: float) -> str:
    """A moment so long after the first."""
    return (FIRST + timedelta(days=days, **more)).isoformat().replace("+00:00", "Z")


def bought(user: Any = "kim", days: float = 0, **more: Any) -> dict[str, Any]:
    return {"user_id": user, "event_time": at(days), "event_type": "purchase", **more}


def lines(events: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def table(rows: Sequence[Mapping[str, Any]], separator: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


TWO: Final = [bought("kim"), bought("lou", 0.1)]
BOTH: Final = Wanted({"Buyers": {"kim", "lou"}}, moves=2)


def _spelt() -> dict[str, Input]:
    """What is the same two purchases, however it is written."""
    rows = [{"": n, **row} for n, row in enumerate(TWO)]
    commas = [{**row, "price": price} for row, price in zip(TWO, ("12,5", "3"), strict=True)]
    separated = Wanted(BOTH.members, says=["columns are separated by semicolons"], moves=2)
    pretty = {"a.json": json.dumps(TWO[:1]), "b.json": json.dumps(TWO[1:], indent=2)}
    spend = {"n": {"sum": "price", "of": "purchase", "window": "7d"}}
    marked = {
        "a.jsonl": "\ufeff" + lines(TWO[:1]),
        "b.csv": "\ufeff" + table(TWO[1:]),
    }
    numbered = {**TWO[0], "event_type": 7}, {**TWO[1], "event_type": 7}
    return {
        "a column without a name": Input({"events.csv": table(rows)}, BOTH),
        "semicolons and commas": Input({"events.csv": table(commas, ";")}, separated, spend),
        "arrays": Input(pretty, BOTH),
        "byte order marks": Input(marked, BOTH),
        "types as numbers": Input(
            {"events.jsonl": lines(numbered)}, BOTH, events={"types": {"7": "purchase"}}
        ),
        "a quote that stays open": Input(
            {"events.csv": _open_quote()},
            Wanted(
                {"Buyers": {"kim", "mo", "nic"}},
                {"bad_row": 1},
                ["1 of 4 records can't be used: bad_row (line 3: a quote is opened"],
            ),
        ),
    }


def _open_quote() -> str:
    users = ("kim", "lou", "mo", "nic")
    rows = table([bought(user, title=f"no {n}") for n, user in enumerate(users)])
    return rows.replace("no 1", '"no 1')


def _in_time() -> dict[str, Input]:
    """What hangs on when events were, and on the order in which they come."""
    visits = [bought("kim", day + minutes / 1_440) for day in (0, 3, 6) for minutes in (0, 4, 9)]
    newest = {"events.jsonl": lines(reversed(visits))}
    regulars = {"Regulars": "visits >= 3"}
    sessions = {"visits": {"sessions": "30d"}}
    totals = {
        "orders": {"count": "purchase", "window": "lifetime"},
        "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    }
    mixed = {"events.jsonl": lines(bought(days=day, price=60) for day in (200, 0, 90))}
    big = {"Repeat": "orders >= 3", "Big": "spend >= 180"}
    every = Wanted({"Repeat": {"kim"}, "Big": {"kim"}}, moves=2)
    not_in_order = ["the events are not in the order of time: 1 of 3 are older"]
    seconds = [bought(event_time=FIRST.timestamp() - day * 86_400) for day in (80, 40, 0)]
    third = Wanted({"Regulars": {"kim"}}, since={("kim", "Regulars"): "2025-11-09T08:01"})
    mixed_up = Wanted(says=["the events are not in the order of time: 8 of 9 are older"])
    return {
        "newest first": Input(newest, third, sessions, regulars),
        "newest first, as it is": Input(
            newest, mixed_up, sessions, {"Regulars": "visits >= 2"}, source={"order": "as_is"}
        ),
        "lifetimes alone": Input(mixed, every, totals, big),
        "lifetimes alone, as it is": Input(
            mixed, replace(every, says=not_in_order), totals, big, source={"order": "as_is"}
        ),
        "seconds that are called milliseconds": Input(
            {"events.jsonl": lines(seconds)},
            Wanted(code=2, says=["as milliseconds all times lie in 1970: say time_unit: s"]),
            events={"time_unit": "ms"},
        ),
        "times of a zone": _of_a_zone(),
        "one clock ahead": _one_ahead(),
        "one clock ahead, and said so": _long_with_one_ahead(),
    }


def _of_a_zone() -> Input:
    """The night to 2 November, in which the clocks of New York go back."""
    times = {
        "kim": "2025-11-01 23:15:00",  # a Saturday
        "lou": "2025-11-02 00:30:00",
        "mo": "2025-11-02 05:00:00",  # 10:00 in UTC, an hour later than the day before
        "nic": "2025-11-02 23:59:00",  # a Monday in UTC
    }
    hours = {
        "hour": {"hour": "purchase", "zone": "America/New_York"},
        "day": {"weekday": "purchase", "zone": "America/New_York"},
    }
    segments = {
        "Late": "hour = 23",
        "Night": "hour < 3",
        "Saturday": "day = 6",
        "Sunday": "day = 7",
    }
    members = {
        "Late": {"kim", "nic"},
        "Night": {"lou"},
        "Saturday": {"kim"},
        "Sunday": {"lou", "mo", "nic"},
    }
    return Input(
        {"events.jsonl": lines(bought(user, event_time=time) for user, time in times.items())},
        Wanted(members, since={("mo", "Sunday"): "2025-11-02T10:01"}, moves=7),
        hours,
        segments,
        {"zone": "America/New_York"},
    )


def _one_ahead() -> Input:
    daily = [bought(user, day) for day in range(8) for user in ("kim", "lou", "mo")]
    files = {"events.jsonl": lines([*daily[:9], bought("yao", 200), *daily[9:]])}
    told = ["1 event lies far ahead of all others, up to 2026-05-22", "of the user 'yao', 193 days"]
    members = {"Active": {"kim", "lou", "mo"}}
    return Input(
        files, Wanted(members, {"future": 1}, told, moves=3), segments={"Active": "n >= 3"}
    )


def _long_with_one_ahead() -> Input:
    """A moment to end with takes the far event in; it moves nobody's time but its user's."""
    users = [f"user-{n:02}" for n in range(40)]
    daily = [bought(user, day + n / 100) for day in range(50) for n, user in enumerate(users)]
    files = {"events.jsonl": lines([*daily[:300], bought("yao", 200), *daily[300:]])}
    run = {"as_of": at(201), "lanes": 4}
    wanted = Wanted({"Active": set()}, moves=2 * len(users))
    return Input(files, wanted, segments={"Active": "n >= 3"}, run=run)


def _named() -> dict[str, Input]:
    """Names that do not go together: of fields, types, and of users who are nobody."""
    slips = {
        "orders": {"count": "Purchase", "window": "7d"},
        "spend": {"sum": "prize", "of": "purchase", "window": "7d"},
    }
    told = [
        "features.orders: no event is of the type 'Purchase' in 2 records, did you mean "
        "'purchase', which was seen 2 times?",
        "features.spend: none of 2 events of type purchase has 'prize', did you mean 'price'?",
    ]
    camel = [{"userId": "kim", "eventTime": at(), "eventType": "purchase"}]
    refused = [f"'{was}', did you mean '{found}'?" for was, found in (
        ("user_id", "userId"), ("event_time", "eventTime"), ("event_type", "eventType")
    )]  # fmt: skip
    nobodies = [bought(user, n / 10) for n, user in enumerate(["null", "undefined"] * 3 + ["kim"])]
    nobody = {"events.jsonl": lines(nobodies)}
    vip = {"VIP": "n >= 3"}
    unread = lines(bought(user, at_days, price=price) for user, at_days, price in (
        ("kim", 0, "1,900.00"), ("lou", 0, "N/A"), ("mo", 0, "15.50"), ("kim", 1, 80)
    ))  # fmt: skip
    spend = {**BUYS, "spend": {"sum": "price", "of": "purchase", "window": "30d"}}
    ids = [bought(user, category=4_611_686_018_427_387_000 + n) for n, user in enumerate("pq")]
    looked = {"n": {**BUYS["n"], "where": "category = '4611686018427387001'"}}
    return {
        "names that never occur": Input(
            {"events.csv": table([{**row, "price": 5} for row in TWO])},
            Wanted({"Never": {"kim", "lou"}}, says=told),
            slips,
            {"Never": "orders = 0"},
        ),
        "no field is there": Input({"events.csv": table(camel)}, Wanted(code=2, says=refused)),
        "nothing can be used": Input(
            {"events.jsonl": lines({**row, "user_id": None} for row in TWO)},
            Wanted(
                letters={"missing_user": 2},
                says=["every one of 2 records became a dead letter"],
                code=1,
            ),
        ),
        "users who may be nobody": Input(
            nobody,
            Wanted({"VIP": {"null", "undefined"}}, says=["who may be nobody"]),
            segments=vip,
        ),
        "users who are nobody": Input(
            nobody,
            Wanted({"VIP": set()}, {"missing_user": 6}, ["'null' is nobody (events.nobody)"]),
            segments=vip,
            events={"nobody": ["null", "undefined"]},
        ),
        "amounts as they are written": Input(
            {"events.jsonl": unread},
            Wanted(
                {"Big": {"kim"}, "Buyers": {"kim", "lou", "mo"}},
                says=["1 value of 4 events can't be read, and is missing: 'price'"],
            ),
            spend,
            {**BUYERS, "Big": "spend >= 1980"},
            {"number": {"thousands": ","}, "on_bad_value": "missing"},
        ),
        "ids of 19 digits as texts": Input(
            {"events.jsonl": lines(ids)}, Wanted({"Buyers": {"q"}}, moves=1), looked
        ),
        "ids of 19 digits as numbers": Input(
            {"events.jsonl": lines(ids)},
            Wanted(code=2, says=["write an id as a text, '4611686018427387001'"]),
            {"n": {**BUYS["n"], "where": "category = 4611686018427387001"}},
        ),
        "a trait that is taken back": _taken_back(),
        "a part of an address": Input(
            {"events.jsonl": lines([bought("kim", page="/a/sale?x=1"), bought("lou", page="/a")])},
            Wanted({"Buyers": {"kim"}}, moves=1),
            {"n": {**BUYS["n"], "where": "page LIKE '%/sale%'"}},
        ),
    }


def _taken_back() -> Input:
    """Two who are told to be pro; of one it is taken back, of the other it is not spoken of."""
    said = [
        ("kim", {"plan": "pro"}),
        ("lou", {"plan": "pro"}),
        ("kim", {"plan": None}),
        ("lou", {}),
    ]
    events = [bought(user, day, **plan) for day, (user, plan) in enumerate(said)]
    plan = {"plan": {"last": "plan", "default": "none"}}
    wanted = Wanted({"Pro": {"lou"}}, moves=3)
    pro, takes_back = {"Pro": "plan = 'pro'"}, {"takes_back": True}
    return Input({"events.jsonl": lines(events)}, wanted, plan, pro, takes_back)


def _exported() -> dict[str, Input]:
    """What products give out, in their forms."""
    amplitude = [
        {"$insert_id": str(n), "event_type": kind, "event_time": at(n / 100), "user_id": user,
         "device_id": "phone", "session_id": 5, "event_properties": {}}
        for n, (kind, user) in enumerate(
            [("look", None), ("look", None), ("sign up", "kim"), ("purchase", "kim")])
    ]  # fmt: skip
    looks = {"looks": {"count": "look", "window": "7d"}, **BUYS}
    posthog = [
        {"uuid": str(n), "event": kind, "distinct_id": "kim", "timestamp": at(n / 100),
         "properties": {"$session_id": f"s{n // 2}", **more}}
        for n, (kind, more) in enumerate([("$pageview", {}), ("purchase", {"amount": 70})] * 2)
    ]  # fmt: skip
    visits = {
        "spend": {"sum": "amount", "of": "purchase", "window": "7d"},
        "visits": {"sessions": "7d"},
    }
    spelt = {"spend": {**visits["spend"], "sum": "properties.amount"}, "visits": visits["visits"]}
    by_path = {
        "user": "distinct_id", "time": "timestamp", "type": "event", "id": "uuid",
        "session": "properties.$session_id",
    }  # fmt: skip
    spenders = {"Spenders": "spend >= 140", "Two Visits": "visits = 2"}
    both = Wanted({"Spenders": {"kim"}, "Two Visits": {"kim"}})
    calls = [
        {"type": "page", "userId": None, "anonymousId": "web", "properties": {"path": "/"}},
        {"type": "identify", "userId": "kim", "anonymousId": "web", "traits": {"plan": "pro"}},
        {"type": "track", "event": "Order", "userId": "kim", "properties": {"total": 90.5}},
    ]
    sent = [{**call, "messageId": str(n), "timestamp": at(n)} for n, call in enumerate(calls)]
    plans = {
        "spend": {"sum": "total", "of": "Order", "window": "7d"},
        "plan": {"last": "plan"},
        "all": {"count": "any", "window": "lifetime"},
    }
    return {
        "amplitude": Input(
            {"events.jsonl": lines(amplitude)},
            Wanted({"Lookers": {"phone"}, "Buyers": {"kim"}}),
            looks,
            {"Lookers": "looks >= 2", **BUYERS},
            {"format": "amplitude"},
        ),
        "posthog": Input(
            {"events.jsonl": lines(posthog)}, both, visits, spenders, {"format": "posthog"}
        ),
        "paths": Input({"events.jsonl": lines(posthog)}, both, spelt, spenders, by_path),
        "segment": Input(
            {"events.jsonl": lines(sent)},
            Wanted({"Pro": {"kim"}, "Spent": {"kim"}, "Nothing": {"web"}, "Seen": {"kim", "web"}}),
            plans,
            {
                "Pro": "plan = 'pro'",
                "Spent": "spend > 90",
                "Nothing": "spend = 0",
                "Seen": "all >= 1",
            },
            {"format": "segment"},
        ),
    }


INPUTS: Final = {**_spelt(), **_in_time(), **_named(), **_exported()}
