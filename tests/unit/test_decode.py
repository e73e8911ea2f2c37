"""Every kind of record has a stated fate, and none changes that of its neighbours."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from operators.events.decode import Decoded, EventDecoder
from operators.events.markers import BAD_ROW, NULL
from operators.events.reasons import Reason
from operators.events.spec import EventsSpec

SPEC = EventsSpec(session="session")
LATEST_US = 1_800_000_000_000_000
GOOD: dict[str, Any] = {
    "user_id": "ann",
    "event_time": "2026-11-01T10:00:00Z",
    "event_type": "view",
    "session": "s1",
    "price": 2.5,
    "shop": "a",
}
NOON_US = 1_793_527_200_000_000  # 2026-11-01T10:00:00Z


def decoder(spec: EventsSpec = SPEC) -> EventDecoder:
    return EventDecoder(spec, ("cart", "view"), {"price"}, {"shop"})


def decode(value: bytes, key: bytes = b"ann", spec: EventsSpec = SPEC) -> Decoded:
    return decoder(spec).decode([key], [value], LATEST_US)


def event(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def without(name: str) -> bytes:
    return json.dumps({field: value for field, value in GOOD.items() if field != name}).encode()


REFUSED: list[tuple[str, bytes, bytes, Reason, str]] = [
    ("empty", b"", b"ann", Reason.NOT_JSON, "truncated"),
    ("null value", NULL, b"ann", Reason.NULL_VALUE, "no value"),
    ("json null", b"null", b"ann", Reason.NOT_AN_OBJECT, "null"),
    ("number", b"17", b"ann", Reason.NOT_AN_OBJECT, "int"),
    ("array", b"[]", b"ann", Reason.NOT_AN_OBJECT, "array"),
    ("cut off", event()[:-1], b"ann", Reason.NOT_JSON, "truncated"),
    ("two in one", event() + event(), b"ann", Reason.NOT_JSON, "trailing"),
    ("garbage", b"\x00\x01 GET / HTTP/1.1", b"ann", Reason.NOT_JSON, "malformed"),
    ("NaN", event().replace(b"2.5", b"NaN"), b"ann", Reason.NOT_JSON, "malformed"),
    ("Infinity", event().replace(b"2.5", b"Infinity"), b"ann", Reason.NOT_JSON, "malformed"),
    ("1e999", event().replace(b"2.5", b"1e999"), b"ann", Reason.BAD_VALUE, "out of range"),
    ("bad utf-8", event().replace(b'"a"', b'"\xff"'), b"ann", Reason.INVALID_UTF8, "UTF-8"),
    ("deep", b'{"user_id":' + b"[" * 9_000, b"ann", Reason.TOO_DEEP, "deep"),
    ("csv row", BAD_ROW + b"a,b", b"ann", Reason.BAD_ROW, "columns"),
    ("large", event(pad="x" * 2_000_000), b"ann", Reason.TOO_LARGE, "at most 1048576"),
    ("no user", without("user_id"), b"ann", Reason.MISSING_USER, "missing"),
    ("null user", event(user_id=None), b"ann", Reason.MISSING_USER, "null"),
    ("empty user", event(user_id=""), b"ann", Reason.MISSING_USER, "empty"),
    ("user true", event(user_id=True), b"ann", Reason.BAD_USER, "True"),
    ("user list", event(user_id=["ann"]), b"ann", Reason.BAD_USER, "list"),
    ("user float", event(user_id=1.5), b"1.5", Reason.BAD_USER, "1.5"),
    ("long user", event(user_id="u" * 513), b"u" * 513, Reason.BAD_USER, "512"),
    ("null key", event(), NULL, Reason.NULL_KEY, "no key"),
    ("empty key", event(), b"", Reason.NULL_KEY, "no key"),
    ("other key", event(), b"bob", Reason.KEY_MISMATCH, "not the user"),
    ("no time", without("event_time"), b"ann", Reason.MISSING_TIME, "missing"),
    ("empty time", event(event_time=""), b"ann", Reason.MISSING_TIME, "empty"),
    ("time text", event(event_time="yesterday at noon"), b"ann", Reason.BAD_TIME, "ISO 8601"),
    ("time now", event(event_time="now"), b"ann", Reason.BAD_TIME, "'now'"),
    ("time number", event(event_time=1_793_527_200), b"ann", Reason.BAD_TIME, "ISO 8601"),
    ("time list", event(event_time=[1]), b"ann", Reason.BAD_TIME, "list"),
    ("1969", event(event_time="1969-12-31T23:59:59Z"), b"ann", Reason.BEFORE_1970, "1970"),
    ("year 1", event(event_time="0001-01-01T00:00:00Z"), b"ann", Reason.BEFORE_1970, "1970"),
    ("future", event(event_time="2031-01-01T00:00:00Z"), b"ann", Reason.FUTURE, "future"),
    ("year 9999", event(event_time="9999-01-01T00:00:00Z"), b"ann", Reason.FUTURE, "3000"),
    ("no type", without("event_type"), b"ann", Reason.MISSING_TYPE, "missing"),
    ("type number", event(event_type=1.5), b"ann", Reason.BAD_TYPE, "1.5"),
    ("session list", event(session=[]), b"ann", Reason.BAD_SESSION, "list"),
    ("price text", event(price="cheap"), b"ann", Reason.BAD_VALUE, "'price'"),
    ("price nan text", event(price="nan"), b"ann", Reason.BAD_VALUE, "finite"),
    ("price inf text", event(price="-inf"), b"ann", Reason.BAD_VALUE, "finite"),
    ("price true", event(price=True), b"ann", Reason.BAD_VALUE, "True"),
    ("price huge", event(price=10**400), b"ann", Reason.BAD_VALUE, "price"),
    ("price 1_000", event(price="1_000"), b"ann", Reason.BAD_VALUE, "1_000"),
    ("shop object", event(shop={}), b"ann", Reason.BAD_VALUE, "'shop'"),
]


@pytest.mark.parametrize(
    ("value", "key", "reason", "detail"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_what_cannot_be_used_is_refused_with_its_reason(
    value: bytes, key: bytes, reason: Reason, detail: str
) -> None:
    decoded = decode(value, key)
    assert len(decoded.events) == 0
    (rejected,) = decoded.rejected
    assert rejected.reason is reason
    assert detail in rejected.detail
    assert rejected.source == 0


def test_no_record_changes_the_fate_of_its_neighbours() -> None:
    values, keys = [], []
    for _, value, key, _, _ in REFUSED:
        values += [event(), value]
        keys += [b"ann", key]
    decoded = decoder().decode(keys, values, LATEST_US)
    assert decoded.events.source.tolist() == list(range(0, len(values), 2))
    assert {r.source: r.reason for r in decoded.rejected} == {
        2 * at + 1: case[3] for at, case in enumerate(REFUSED)
    }
    assert decoded.events.time_us.tolist() == [NOON_US] * len(REFUSED)
    assert decoded.events.numbers["price"].tolist() == [2.5] * len(REFUSED)
    assert decoded.events.texts["shop"] == ["a"] * len(REFUSED)


def test_two_halves_of_a_record_stay_two_broken_records() -> None:
    whole = event()
    decoded = decoder().decode([b"ann", b"ann"], [whole[:20], whole[20:]], LATEST_US)
    assert len(decoded.events) == 0
    assert [r.reason for r in decoded.rejected] == [Reason.NOT_JSON, Reason.NOT_JSON]


USED: list[tuple[str, bytes, bytes, str, Any]] = [
    ("as it is", event(), b"ann", "price", 2.5),
    ("unknown fields", event(more={"x": [1]}), b"ann", "price", 2.5),
    ("number as text", event(price="12.5"), b"ann", "price", 12.5),
    ("number with spaces", event(price=" 12.5 "), b"ann", "price", 12.5),
    ("whole number", event(price=3), b"ann", "price", 3.0),
    ("large whole number", event(price=2**70), b"ann", "price", float(2**70)),
    ("user as number", event(user_id=17), b"17", "user", "17"),
    ("user as decimal", event(user_id=17.0), b"17", "user", "17"),
    ("session as decimal", event(session=5.0), b"ann", "session", "5"),
    ("user beyond ASCII", event(user_id="änn"), "änn".encode(), "user", "änn"),
    ("text as number", event(shop=7), b"ann", "shop", "7"),
    ("text as float", event(shop=7.0), b"ann", "shop", "7"),
    ("text as boolean", event(shop=True), b"ann", "shop", "true"),
    ("missing text", without("shop"), b"ann", "shop", None),
    ("empty text", event(shop=""), b"ann", "shop", None),
    ("null session", event(session=None), b"ann", "session", None),
    ("session as number", event(session=5), b"ann", "session", "5"),
    ("unknown type", event(event_type="dance"), b"ann", "type", 2),
    ("known type", event(), b"ann", "type", 1),
    ("last of two equal names", b'{"shop":"x",' + event()[1:], b"ann", "shop", "a"),
]


@pytest.mark.parametrize(
    ("value", "key", "field", "expected"),
    [case[1:] for case in USED],
    ids=[case[0] for case in USED],
)
def test_what_can_be_used_is_used(value: bytes, key: bytes, field: str, expected: Any) -> None:
    decoded = decode(value, key)
    assert decoded.rejected == []
    assert column(decoded, field) == [expected]


def column(decoded: Decoded, field: str) -> list[Any]:
    events = decoded.events
    if field in events.numbers:
        return events.numbers[field].tolist()
    others = {
        "shop": events.texts["shop"],
        "user": events.users,
        "session": events.session or (),
        "type": events.type.tolist(),
    }
    return list(others[field])


@pytest.mark.parametrize("price", [None, ""])
def test_a_missing_number_is_missing(price: str | None) -> None:
    decoded = decode(event(price=price))
    assert np.isnan(decoded.events.numbers["price"]).tolist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01T10:00:00Z",
        "2026-11-01T10:00:00",
        "2026-11-01 10:00:00",
        "2026-11-01 10:00:00 UTC",
        "2026-11-01T12:00:00+02:00",
        "2026-11-01T10:00:00.000Z",
        "20261101T100000Z",
    ],
)
def test_times_as_people_write_them(text: str) -> None:
    assert decode(event(event_time=text)).events.time_us.tolist() == [NOON_US]


@pytest.mark.parametrize(
    ("unit", "value", "time_us"),
    [
        ("s", 1_793_527_200, NOON_US),
        ("s", "1793527200", NOON_US),
        ("s", 1_793_527_200.25, NOON_US + 250_000),
        ("ms", 1_793_527_200_001, NOON_US + 1_000),
        ("us", NOON_US + 1, NOON_US + 1),
        ("ns", NOON_US * 1_000 + 1_999, NOON_US + 1),
        ("ns", f"{NOON_US * 1_000 + 1_999}", NOON_US + 1),
        ("us", f"{NOON_US}.9", NOON_US),
        ("ms", "1793527200000.125", NOON_US + 125),
        ("s", "1793527200.000001", NOON_US + 1),
        ("s", "1.7935272e9", NOON_US),
        ("ns", 1.7935272e18, NOON_US),
    ],
)
def test_times_as_numbers(unit: Any, value: Any, time_us: int) -> None:
    spec = EventsSpec(session="session", time_unit=unit)
    decoded = decode(event(event_time=value), spec=spec)
    assert decoded.events.time_us.tolist() == [time_us]


@pytest.mark.parametrize(
    "value",
    [True, "soon", 10**30, float("1e300"), -1, {}, "1e300", "1e999999999", "-1.5", "9" * 5_000],
)
def test_times_that_are_no_numbers(value: Any) -> None:
    spec = EventsSpec(session="session", time_unit="s")
    (rejected,) = decode(event(event_time=value), spec=spec).rejected
    assert rejected.reason in (Reason.BAD_TIME, Reason.BEFORE_1970, Reason.FUTURE)


def test_some_session_ids_mean_none() -> None:
    spec = EventsSpec(session="session", no_session=["-1", "none"])
    some = [event(session=each) for each in ("s1", "-1", "", None, -1, -1.0, "none")]
    for values in (some[:4], some):
        decoded = decoder(spec).decode([b"ann"] * len(values), values, LATEST_US)
        assert decoded.events.session == ["s1", *[None] * (len(values) - 1)]


def test_event_types_go_by_the_names_that_the_configuration_gives_them() -> None:
    spec = EventsSpec(session="session", types={"pv": "view"})
    assert decode(event(event_type="pv"), spec=spec).events.type.tolist() == [1]


def test_all_events_may_be_of_one_type() -> None:
    spec = msgspec.convert({"type": {"constant": "pv"}, "types": {"pv": "view"}}, EventsSpec)
    values = [without("event_type"), event(event_type=["?"]), event(user_id=""), b"{"]
    decoded = decoder(spec).decode([b"ann"] * 4, values, LATEST_US)
    assert decoded.events.type.tolist() == [1, 1]
    assert {each.source for each in decoded.rejected} == {2, 3}


def test_records_without_keys_are_not_held_against_any() -> None:
    unkeyed = EventDecoder(SPEC, (), (), (), keyed=False)
    decoded = unkeyed.decode((), [event(), event(user_id="bob")], LATEST_US)
    assert list(decoded.events.users) == ["ann", "bob"]


def test_a_property_may_be_a_field_that_is_read_anyway() -> None:
    reader = EventDecoder(SPEC, ("view",), (), {"event_type", "user_id"})
    decoded = reader.decode([b"ann"], [event()], LATEST_US)
    assert decoded.events.texts == {"event_type": ["view"], "user_id": ["ann"]}


def test_events_may_have_ids_which_are_texts() -> None:
    spec = EventsSpec(id="event_id")
    values = [event(event_id="e1"), event(event_id=7), event(), event(event_id=["e1"])]
    decoded = decoder(spec).decode([b"ann"] * 4, values, LATEST_US)
    assert decoded.events.ids == ["e1", "7", None]
    (rejected,) = decoded.rejected
    assert (rejected.source, rejected.reason) == (3, Reason.BAD_ID)
    assert decoder().decode([b"ann"], [event()], LATEST_US).events.ids is None


def in_traits(value: bytes) -> bytes:
    """An event whose shop stands within another field, as far as it has one."""
    fields = json.loads(value)
    traits = {"shop": fields.pop("shop")} if "shop" in fields else {}
    return json.dumps({**fields, "traits": traits}).encode()


def test_null_takes_back_and_a_missing_field_does_not() -> None:
    """However it is decoded, and wherever the field may stand."""
    taken = [event(), event(price=None, shop=None), without("price"), without("shop")]
    taken.append(event(shop=""))
    nested = [*taken[:1], event(price=None, shop=None, traits={"shop": "b"}), *taken[2:]]
    within = [in_traits(each) for each in taken]
    for spec, values, shops in (
        (EventsSpec(takes_back=True), taken, [False, True, False, False, False]),
        (EventsSpec(takes_back=True, properties=["traits"]), nested, [False] * 5),
        (EventsSpec(takes_back=True, properties=["traits"]), within, [False, True, *[False] * 3]),
    ):
        for more in ([], [b"{"], [event(price="1")]):
            keys = [b"ann"] * (len(values) + len(more))
            found = decoder(spec).decode(keys, [*values, *more], LATEST_US).events
            nulls = {name: column.tolist()[:5] for name, column in found.taken_back.items()}
            assert nulls == {"price": [False, True, False, False, False], "shop": shops}
            assert np.isnan(found.numbers["price"][:3]).tolist() == [False, True, True]
            assert found.texts["shop"][4] is None
    assert decoder().decode([b"ann"] * 5, taken, LATEST_US).events.taken_back == {}


BY_CONTENT = EventsSpec(id="content")


def made_ids(*values: bytes, spec: EventsSpec = BY_CONTENT) -> list[str | None]:
    decoded = EventDecoder(spec, (), (), (), keyed=False).decode((), values, LATEST_US)
    assert decoded.rejected == []
    assert decoded.events.ids is not None
    return list(decoded.events.ids)


def test_what_an_event_holds_is_its_id() -> None:
    alike = [
        event(),
        json.dumps(dict(reversed(GOOD.items()))).encode(),
        event(price="2.50", note=None, more={}, tags=[], shop="a"),
        event(event_time="2026-11-01T12:00:00+02:00"),
    ]
    whole = [event(price=1, n=[{"a": 1, "b": 2}]), event(price=1.0, n=[{"b": "2.0", "a": "1"}])]
    others = [event(price=2.51), event(shop="b"), event(user_id="bob"), event(session="s2")]
    others += [event(event_type="cart"), event(event_time="2026-11-01T10:00:00.000001Z")]
    others += [event(more=1), event(more=[1]), event(more=[1, 1]), event(more={"a": 1}), whole[0]]
    assert len(set(made_ids(*alike))) == 1
    assert len(set(made_ids(*whole))) == 1
    assert len(set(made_ids(alike[0], *others))) == len(others) + 1


def test_an_id_is_made_where_there_is_none() -> None:
    spec = EventsSpec(id=["event_id", "content"])  # type: ignore[arg-type] # as it is written
    found = made_ids(event(event_id="e1"), event(event_id=7), event(event_id=""), spec=spec)
    assert found == ["e1", "7", *made_ids(event())]
    broken = event()[:-1] + b',"more":' + b"[" * 200 + b"]" * 200 + b"}"
    assert len({*made_ids(broken), *made_ids(broken.replace(b"2.5", b"2.6"))}) == 2


def test_batches_are_read_alike_after_one_that_is_not_plain() -> None:
    reader = decoder()
    plain, other = [event()] * 3, [event(), event(price="2.5"), event(shop=7)]
    for values in (plain, other, *[plain] * 20, other):
        decoded = reader.decode([b"ann"] * 3, values, LATEST_US)
        assert decoded.rejected == []
        assert decoded.events.users == ["ann"] * 3
        assert decoded.events.numbers["price"].tolist() == [2.5] * 3
        assert decoded.events.texts["shop"] == (["a", "a", "7"] if values is other else ["a"] * 3)
