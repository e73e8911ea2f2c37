"""Every kind of bad input in the midst of good ones, through the real job from a real broker.

The tables say for each record what becomes of it: it is used, passed over, or a dead letter with
one reason that gives back what arrived. The good users are held against the oracle, so that
neither a lost event nor a broken one that slipped through stays unseen.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pyflink.table import EnvironmentSettings, TableEnvironment

from flink_job.connectors.sources import KafkaEvents
from flink_job.connectors.sql import literal
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.reading import read_to_end
from operators.contracts.records import (
    Assignment,
    DeadLetter,
    assignment_decoder,
    dead_letter_decoder,
)
from operators.events.reasons import Reason
from tests.flink.harness import config_of, row_of, run_job
from tests.flink.minicluster import start_java
from tests.flink.shoppers import shoppers
from tests.oracle import SECOND, Conditions, Event, User
from tests.property.replay_cases import NAMES, PLAIN
from tests.property.strategies import FEATURES, GAP, START, TILES, retained
from tests.stack.asking import kafka_config, write

pytestmark = [pytest.mark.stack, pytest.mark.flink]

PARTITIONS = 3
LARGEST = 64 * 1024 * 1024

# What is read by the features: shop as text, price and amount as numbers.
CHOSEN = {
    **{name: FEATURES[name] for name in NAMES},
    "amount": {"last": "amount", "type": "number"},
    "amounts": {"sum": "amount", "window": "lifetime"},
}
SEGMENTS = {**PLAIN, "Anybody": {"when": "visits >= 1"}}
CLUSTERS = {"kinds": {"k": 3, "features": ["visits", "amounts"], "warm_start": 10}}
# All events lie on one day, and users are judged at the end of days and at `as_of`: so the last
# assignment of each user holds the features at `as_of`.
AS_OF = START + 6 * 3600 * SECOND
RUN = {"resolution": "1d", "as_of": "2026-09-21T20:13:20Z", "lanes": 4, "state": "state"}
LATEST = START + 3600 * SECOND

DEEP = 100_000
OPEN, CLOSE = b"[" * DEEP, b"]" * DEEP
NESTED = b'{"a":' * DEEP + b"1" + b"}" * DEEP


def text(fields: dict[str, Any]) -> bytes:
    """JSON with as few escapes as there can be."""
    return json.dumps(fields, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Sent:
    """A record and what must become of it: an event of the oracle's, a reason, or nothing."""

    key: bytes | None
    value: bytes | None
    fate: Event | Reason | None

    @property
    def letter(self) -> tuple[str, bytes | None, bytes | None]:
        """The dead letter that it must become."""
        assert isinstance(self.fate, Reason)
        return self.fate.value, self.key, self.value


@dataclass(frozen=True)
class Maker:
    """Makes values whose times are in one unit, and lists what is done to them."""

    unit: str
    time: int = LATEST

    def stamp(self, time: int) -> str | float:
        if self.unit == "iso":
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).isoformat()
        return time / SECOND if self.unit == "s" else time

    def event(self, event: Event) -> bytes:
        return text({**row_of(event), "event_time": self.stamp(event.time)})

    def value(self, **changes: Any) -> bytes:
        """A view of ann, but for what is changed; a field that becomes `...` is left out."""
        fields = {
            "user_id": "ann",
            "event_time": self.stamp(self.time),
            "event_type": "view",
            "session": "s1",
            "price": 2.5,
            "shop": "a",
            **changes,
        }
        return text({n: v for n, v in fields.items() if v is not ...})

    def literal(self, field: str, raw: bytes) -> bytes:
        """A value in which one field holds these bytes."""
        return self.value(**{field: "@@"}).replace(b'"@@"', raw)

    def used(self) -> list[Sent]:
        """Odd, but good: each is an event of a user of its own, who is named by it."""
        return [
            self._used("as it is"),
            self._used("number as text", price="12.5"),
            self._used("number with spaces", {"price": 12.5}, price=" 12.5 "),
            self._used("missing number", {"price": None}, price=""),
            self._used("whole", {"amount": 2.0**63}, amount=2**63 + 1),
            self._used("negative", {"amount": -(2.0**63)}, amount=-(2**63) - 1),
            self._used("huge whole number", {"amount": 1e300}, amount=10**300),
            self._used("smallest", amount=5e-324),
            self._used("largest", amount=1.7e308),
            self._used("least", amount=-1.7e308),
            self._used("boolean as text", {"shop": "true"}, shop=True),
            self._used("number for a text", {"shop": "7"}, shop=7.0),
            self._used("empty text", {"shop": None}, shop=""),
            self._used("no session", session=None),
            self._used("empty session", {"session": None}, session=""),
            self._used("session as number", {"session": "5"}, session=5),
            self._used("unknown type", event_type="dance \u2728"),
            self._used("type as number", event_type=3),
            self._used("unknown fields", more={"a": [1, {"b": None}], "": ""}),
            self._used("long session", session="s" * 1_000),
            self._used("long category", shop="c" * 1_000),
            self._used("900 kB", pad="x" * 900_000),
            self._used("nul \0 inside"),
            self._used("\0"),
            self._used("record \x1e separator"),
            self._used("escapes \\ \" ' / \b \u2028"),
            self._used("lines", shop="a\u0085b\u2028c\x7f"),
            self._used("emoji \U0001f600"),
            self._used("\u00fc" * 512),
            self._used(" "),
            self._used("null"),
            self._used("at as_of", time=AS_OF),
            self._used("17", user_id=17),
            self._used(str(10**39), user_id=10**39),
            self._literal("escaped emoji", "shop", b'"\\ud83d\\ude00"', {"shop": "\U0001f600"}),
            self._literal("unread bad UTF-8", "x", b'"\xff"'),
            self._literal("unread out of range", "x", b"1e999"),
            self._literal("unread, 900 deep", "x", b"[" * 900 + b"]" * 900),
            self._literal("unread long number", "x", b"1" * 5_000),
            self._first("unread long name", b'"' + b"n" * 100_000 + b'":1,'),
            self._first("last of two equal names", b'"user_id":"ann","price":true,'),
            self._first("escaped name", b'"\\u0078":[],'),
        ]

    def _used(
        self, user: str, read: dict[str, Any] | None = None, *, time: int = LATEST, **changes: Any
    ) -> Sent:
        value = replace(self, time=time).value(**{"user_id": user, **changes})
        kept = {"session": "s1", "price": 2.5, "shop": "a", "amount": None, **changes}
        kept |= {"price": float(kept["price"] or 0)} | (read or {})
        kept = {name: kept[name] for name in ("session", "price", "shop", "amount")}
        session, type_ = kept.pop("session"), changes.get("event_type", "view")
        return Sent(user.encode(), value, Event(user, time, type_, session, kept))

    def _literal(
        self, user: str, field: str, raw: bytes, read: dict[str, Any] | None = None
    ) -> Sent:
        usual = self._used(user, read, **{field: "@@"})
        return replace(usual, value=(usual.value or b"").replace(b'"@@"', raw))

    def _first(self, user: str, fields: bytes) -> Sent:
        usual = self._used(user)
        return replace(usual, value=b"{" + fields + (usual.value or b"")[1:])

    def refused(self) -> list[Sent]:
        """Bad values under the key of the user whom they are about."""
        whole = self.value()
        texts: list[tuple[bytes | None, Reason]] = [
            (None, Reason.NULL_VALUE),
            (b"", Reason.NOT_JSON),
            (b" ", Reason.NOT_JSON),
            (b"no JSON", Reason.NOT_JSON),
            (b"\x00\x01\x02", Reason.NOT_JSON),
            (whole[:-1], Reason.NOT_JSON),
            (whole[:40], Reason.NOT_JSON),  # these two are one value, if they are put together
            (whole[40:], Reason.NOT_JSON),
            (whole + whole, Reason.NOT_JSON),
            (whole[:-1] + b",}", Reason.NOT_JSON),
            (b"\xef\xbb\xbf" + whole, Reason.NOT_JSON),
            (whole.decode().encode("utf-16-le"), Reason.NOT_JSON),
            (b"null", Reason.NOT_AN_OBJECT),
            (b"17", Reason.NOT_AN_OBJECT),
            (b'"text"', Reason.NOT_AN_OBJECT),
            (b"[" + whole + b"]", Reason.NOT_AN_OBJECT),
            (b"{}", Reason.MISSING_USER),
            (self.value(pad="x" * 10_000_000), Reason.TOO_LARGE),
            (OPEN + CLOSE, Reason.NOT_AN_OBJECT),
            (NESTED, Reason.TOO_DEEP),
            (self.literal("x", OPEN + CLOSE), Reason.TOO_DEEP),
            (self.literal("x", OPEN), Reason.TOO_DEEP),
            (self.literal("x", NESTED), Reason.TOO_DEEP),
            (self.literal("user_id", OPEN + CLOSE), Reason.TOO_DEEP),
            (self.literal("price", NESTED), Reason.TOO_DEEP),
            (self.literal("shop", b'"\xff"'), Reason.INVALID_UTF8),
            (self.literal("user_id", b'"ann\xc3"'), Reason.INVALID_UTF8),
            (self.literal("shop", b'"\xed\xa0\x80"'), Reason.INVALID_UTF8),
            (self.literal("user_id", b'"\\ud800"'), Reason.NOT_JSON),
            (self.literal("shop", b'"\\udc00"'), Reason.NOT_JSON),
            (self.literal("x", b'"\\ud800"'), Reason.NOT_JSON),
            (self.literal("user_id", b'"ann\x00"'), Reason.NOT_JSON),
            (self.literal("shop", b'"a\x1eb"'), Reason.NOT_JSON),
            (self.literal("price", b"NaN"), Reason.NOT_JSON),
            (self.literal("price", b"-Infinity"), Reason.NOT_JSON),
            (self.literal("x", b"Infinity"), Reason.NOT_JSON),
        ]
        return [
            *(Sent(b"ann", value, reason) for value, reason in texts),
            *(Sent(b"ann", value, reason) for value, reason in self._wrong_kinds()),
            *(Sent(b"ann", value, reason) for value, reason in self._wrong_times()),
            Sent(b"u" * 513, self.value(user_id="u" * 513), Reason.BAD_USER),
            Sent(b"1.5", self.value(user_id=1.5), Reason.BAD_USER),
        ]

    def _wrong_kinds(self) -> Iterable[tuple[bytes, Reason]]:
        for name, missing in MISSING.items():
            for nothing in (..., None, ""):
                yield self.value(**{name: nothing}), missing
        for name, reason in WRONG_KIND.items():
            for wrong in ([], {}, ["ann"], {"a": 1}):
                yield self.value(**{name: wrong}), reason
        for user in (True, 10**600):
            yield self.value(user_id=user), Reason.BAD_USER
        yield self.literal("user_id", b"1" * 5_000), Reason.BAD_USER
        for type_ in (True, 1.5):
            yield self.value(event_type=type_), Reason.BAD_TYPE
        for number in ("cheap", "NaN", "-inf", "1e999", "1_000", "0x1", True, 10**400):
            yield self.value(price=number), Reason.BAD_VALUE
        yield self.value(session="s" * 1_001), Reason.BAD_SESSION
        yield self.value(shop="\u00fc" * 1_001), Reason.BAD_VALUE
        for number in (b"1e999", b"-1e999", b"1" * 5_000):
            yield self.literal("price", number), Reason.BAD_VALUE

    def _wrong_times(self) -> Iterable[tuple[bytes, Reason]]:
        yield replace(self, time=AS_OF + SECOND).value(), Reason.FUTURE
        yield replace(self, time=-SECOND).value(), Reason.BEFORE_1970
        yield self.literal("event_time", b"1" * 5_000), Reason.BAD_TIME
        for time in (True, "soon", "1_0", "\U0001f552", "NaN", "inf"):
            yield self.value(event_time=time), Reason.BAD_TIME
        for time, reason in WRONG_TIMES[self.unit].items():
            yield self.value(event_time=time), reason

    def keys(self) -> list[Sent]:
        """Good values whose key is not their user."""
        wrong = (b"bob", b"Ann", b"ann ", b"ann\0", b"\xff\xfe", b"\xed\xa0\x80", b"k" * 100_000)
        return [
            *(Sent(key, self.value(), Reason.NULL_KEY) for key in (None, b"")),
            *(Sent(key, self.value(), Reason.KEY_MISMATCH) for key in wrong),
            Sent(None, None, Reason.NULL_VALUE),
            Sent(b"\xff", b"no JSON", Reason.NOT_JSON),
        ]


MISSING = {
    "user_id": Reason.MISSING_USER,
    "event_time": Reason.MISSING_TIME,
    "event_type": Reason.MISSING_TYPE,
}
WRONG_KIND = {
    "user_id": Reason.BAD_USER,
    "event_time": Reason.BAD_TIME,
    "event_type": Reason.BAD_TYPE,
    "session": Reason.BAD_SESSION,
    "price": Reason.BAD_VALUE,
    "shop": Reason.BAD_VALUE,
}
WRONG_TIMES: dict[str, dict[Any, Reason]] = {
    "iso": {
        1_790_000_000: Reason.BAD_TIME,
        10**30: Reason.BAD_TIME,
        "2026-13-01": Reason.BAD_TIME,
        "2026-09-21T25:00:00Z": Reason.BAD_TIME,
        "0001-01-01T00:00:00+23:59": Reason.BEFORE_1970,
        "9999-12-31T23:59:59-23:59": Reason.FUTURE,
    },
    "s": {
        "2026-09-21": Reason.BAD_TIME,
        10**30: Reason.FUTURE,
        2**63: Reason.FUTURE,
        1e305: Reason.FUTURE,
        "1e308": Reason.FUTURE,
        -1e305: Reason.BEFORE_1970,
        "1e999": Reason.BAD_TIME,
    },
    "us": {"2026-09-21": Reason.BAD_TIME, 10**30: Reason.FUTURE, 1e308: Reason.FUTURE},
}


def history(maker: Maker) -> list[Sent]:
    """Shoppers at work, some of whose events come too late."""
    return [
        Sent(event.user.encode(), maker.event(event), event)
        for event in shoppers(seed=3, users=40, count=900, back_s=4_000)
    ]


def amid_good(maker: Maker, bad: Sequence[Sent]) -> list[Sent]:
    """Bad records, each beside good ones of ann's, but for neighbours that are halves of one."""
    good = Sent(b"ann", maker.value(), Event("ann", maker.time, "view", "s1", ANNS))
    sent = [good]
    for record in bad:
        half = isinstance(record.value, bytes) and record.value == maker.value()[:40]
        sent += [record] if half else [record, good]
    return sent


ANNS = {"price": 2.5, "shop": "a"}


@dataclass
class Expected:
    """What must come of records, by the oracle: who is in what, and every dead letter."""

    users: dict[str, dict[str, Any]]
    letters: Counter[tuple[str, bytes | None, bytes | None]]
    records: int

    @classmethod
    def of(cls, sent: Sequence[Sent]) -> Expected:
        users: dict[str, User] = {}
        letters: Counter[tuple[str, bytes | None, bytes | None]] = Counter()
        for record in sent:
            if isinstance(record.fate, Event):
                name = record.fate.user
                user = users.setdefault(name, User(CHOSEN, TILES, retained(NAMES), GAP, True))
                if user.add(record.fate):
                    continue
                record = replace(record, fate=Reason.LATE)  # noqa: PLW2901
            if record.fate is not None:
                letters[record.letter] += 1
        values = {name: user.values(AS_OF) for name, user in users.items()}
        records = sum(record.fate is not None for record in sent)
        return cls(values, letters, records)

    def check(self, assignments: dict[str, Assignment], letters: Sequence[DeadLetter]) -> None:
        """Hold what came out against it."""
        found = Counter(map(told, letters))
        assert short(found - self.letters) == short(self.letters - found) == []
        assert assignments.keys() == self.users.keys()
        conditions = Conditions()
        for name, values in self.users.items():
            assert assignments[name].features == values, name
            assert set(assignments[name].segments) == {
                segment
                for segment, spec in SEGMENTS.items()
                if conditions.holds(spec["when"], values) is True
            }, name

    @property
    def totals(self) -> dict[str, int]:
        dead = self.letters.total()
        return {
            "records": self.records,
            "events_applied": self.records - dead,
            "dead_letters": dead,
            "duplicates": 0,
        }


def short(letters: Counter[tuple[str, bytes | None, bytes | None]]) -> list[str]:
    """Letters as a failed test can show them."""
    return [f"{reason} {str(key)[:40]} {str(value)[:200]}" for reason, key, value in letters]


def told(letter: DeadLetter) -> tuple[str, bytes | None, bytes | None]:
    """What a whole letter says: the reason, and the key and the value as they arrived."""
    key, value = (
        given(letter.key, letter.key_base64),
        given(letter.raw, letter.raw_base64),
    )
    assert (letter.size, letter.truncated, letter.sha256) == (len(value or b""), False, None)
    return letter.reason, key, value


def given(text: str | None, encoded: str | None) -> bytes | None:
    """Bytes that stand somewhere as text or as Base64."""
    assert text is None or encoded is None
    if encoded is not None:
        return base64.b64decode(encoded)
    return None if text is None else text.encode()


def send(bootstrap: str, topic: str, sent: Iterable[Sent], *, keyed: bool = True) -> None:
    """Put records into a topic; those of a key, even if it is not sent, go into one partition."""
    kafka_client.make_topic(
        Broker(bootstrap), topic, PARTITIONS, {"max.message.bytes": str(LARGEST)}
    )
    # kafka-python refuses records without key and value, but other clients don't send any less.
    options = {"max_request_size": LARGEST, "key_serializer": lambda key: key[0]}
    with kafka_client.producer(Broker(bootstrap), **options) as writer:
        for record in sent:
            partition = zlib.crc32(record.key or b"") % PARTITIONS
            key = (record.key if keyed else None,)
            writer.send(topic, record.value, key, partition=partition)
        writer.flush()


def config(bootstrap: str, unit: str, **run: Any) -> dict[str, Any]:
    """A bounded run between topics of its own."""
    made = kafka_config(bootstrap, features=CHOSEN, segments=SEGMENTS, clusters=CLUSTERS)
    made["source"]["kafka"]["bounded"] = True
    made["events"] = {"time_unit": unit, "session": "session", "session_gap": "10m"}
    return {**made, "run": {**RUN, **run}}


def assignments_in(bootstrap: str, topic: str) -> dict[str, Assignment]:
    """The newest of each user."""
    found = [assignment_decoder.decode(r.value) for r in read_to_end(Broker(bootstrap), [topic])]
    return {each.user: each for each in sorted(found, key=lambda each: each.version)}


def letters_in(bootstrap: str, topic: str) -> list[DeadLetter]:
    return [dead_letter_decoder.decode(r.value) for r in read_to_end(Broker(bootstrap), [topic])]


def check_run(bootstrap: str, made: dict[str, Any], sent: Sequence[Sent], folder: Path) -> None:
    """Run a configuration over what was sent, and hold all that comes out against the oracle."""
    expected, topics = Expected.of(sent), made["output"]["kafka"]
    totals = run_job(folder, made).outcome.totals
    expected.check(
        assignments_in(bootstrap, topics["assignments"]),
        letters_in(bootstrap, topics["dead_letters"]),
    )
    assert totals == expected.totals


LARGE = [
    Sent(b"ann", b"\0" * 10_000_000, Reason.TOO_LARGE),  # six times as long, if JSON escapes it
    Sent(b"ann", b"\xff" * 30_000_000, Reason.TOO_LARGE),
    Sent(b"ann", b"x" * 40_000_000, Reason.TOO_LARGE),
]


@pytest.mark.parametrize(
    ("batch", "parallelism", "large"), [("500ms", 1, LARGE), ("2s", 2, [])], ids=["1", "2"]
)
def test_each_record_of_a_topic_has_its_stated_fate(
    kafka: str, tmp_path: Path, batch: str, parallelism: int, large: list[Sent]
) -> None:
    maker = Maker("iso")
    made = config(kafka, maker.unit, batch=batch, parallelism=parallelism)
    topic = made["source"]["kafka"]["topic"]
    bad = amid_good(maker, [*maker.refused(), *maker.keys(), *large])
    sent = [*history(maker), *bad, *maker.used()]
    send(kafka, topic, sent)
    # What was never committed is passed over, also where a topic ends with it.
    write(kafka, topic, [(b"ann", maker.value()), (b"ann", b"no JSON")], commit=False)
    check_run(kafka, made, sent, tmp_path)


def test_each_record_of_a_topic_without_keys_has_its_stated_fate(
    kafka: str, tmp_path: Path
) -> None:
    maker = Maker("s")
    made = config(kafka, maker.unit, parallelism=2)
    made["events"]["key"] = "none"
    used = [_beyond_the_jvm(record) for record in maker.used()]
    sent = [*history(maker), *amid_good(maker, maker.refused()), *used]
    sent = [record for record in sent if record.value is not None]
    send(kafka, made["source"]["kafka"]["topic"], sent, keyed=False)
    check_run(kafka, made, [replace(record, key=None) for record in sent], tmp_path)


def _beyond_the_jvm(record: Sent) -> Sent:
    """The JVM, which looks for the user in a record without a key, does not read everything."""
    beyond = record.key in (b"unread long number", b"unread long name")
    return replace(record, fate=Reason.NULL_KEY) if beyond else record


COLUMNS = ("user_id", "event_time", "event_type", "session", "price", "shop")


def rows() -> list[tuple[bytes, Sent | None]]:
    """Rows of CSV, and what becomes of each: an object of its columns, all of which are texts."""

    def used(user: str, rest: bytes, shop: str | None, price: float | None = 2.5) -> Any:
        read = {"price": price, "shop": shop, "amount": None}
        session = "s1" if b"s1" in rest else None
        row = b"%b,%d,view,%b" % (user.encode(), LATEST, rest)
        return row, Sent(None, None, Event(user, LATEST, "view", session, read))

    def refused(row: str, reason: Reason) -> Any:
        fields = dict(zip(COLUMNS, row.split(","), strict=True))
        return row.encode(), Sent(None, json.dumps(fields, separators=(",", ":")).encode(), reason)

    def broken(row: bytes, reason: Reason) -> Any:
        return row, Sent(None, row, reason)

    return [
        used("row", b"s1,2.5,a", "a"),
        used("row with quotes", b's1,"2.5","a ""b"", c"', 'a "b", c'),
        used("row of lines", b's1,2.5,"a\r\nb\nc\rd"', "a\r\nb\nc\rd"),
        used("row with gaps", b",,", None, None),
        used("row with a stray quote", b's1,2.5,a"b', 'a"b'),
        used("row with a nul", b"s1,2.5,a\0b", "a\0b"),
        used("row \u00fc", "s1,2.5,\u00fc".encode(), "\u00fc"),
        (b"", None),
        broken(b"ann", Reason.BAD_ROW),
        broken(b"17,1,view", Reason.BAD_ROW),
        broken(b"ann,%d,view,s1,2.5,a," % LATEST, Reason.BAD_ROW),
        broken(b"ann,%d,view,s1,2.5,\xff" % LATEST, Reason.INVALID_UTF8),
        broken(b"17,%d,view,s1,2.5,\xc3" % LATEST, Reason.INVALID_UTF8),
        broken(b"\xff,1", Reason.BAD_ROW),
        refused(f",{LATEST},view,s1,2.5,a", Reason.MISSING_USER),
        refused(",,,,,", Reason.MISSING_USER),
        refused("ann,,view,s1,2.5,a", Reason.MISSING_TIME),
        refused("ann,soon,view,s1,2.5,a", Reason.BAD_TIME),
        refused("ann,-1,view,s1,2.5,a", Reason.BEFORE_1970),
        refused(f"ann,{AS_OF + 1},view,s1,2.5,a", Reason.FUTURE),
        refused(f"ann,{LATEST},,s1,2.5,a", Reason.MISSING_TYPE),
        refused(f"ann,{LATEST},view,s1,NaN,a", Reason.BAD_VALUE),
        refused(f"ann,{LATEST},view,s1,1e999,a", Reason.BAD_VALUE),
    ]


def test_each_line_of_files_has_its_stated_fate(tmp_path: Path) -> None:
    maker = Maker("us")
    lines = [*history(maker), *amid_good(maker, maker.refused()), *maker.used()]
    lines = [record for record in lines if (record.value or b"").strip()]
    table = rows()
    (tmp_path / "events.jsonl").write_bytes(
        b"\n\r\n".join([*(record.value or b"" for record in lines), b""])
    )
    header = b"\xef\xbb\xbf" + ",".join(COLUMNS).encode()
    (tmp_path / "events.csv").write_bytes(b"\r\n".join([header, *(row for row, _ in table)]))
    sent = [*(replace(record, key=None) for record in lines), *(sent for _, sent in table if sent)]
    ended = run_job(
        tmp_path,
        config_of(
            CHOSEN,
            SEGMENTS,
            ("events.jsonl", "events.csv"),
            clusters=CLUSTERS,
            run=RUN,
        ),
    )
    expected = Expected.of(sent)
    expected.check(ended.assignments(), ended.dead_letters())
    assert ended.outcome.totals == expected.totals


def test_a_run_in_which_nothing_is_usable_ends_well(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"no JSON\n")
    ended = run_job(tmp_path, config_of(CHOSEN, SEGMENTS, run=RUN))
    assert ended.outcome.totals == {
        "records": 1,
        "events_applied": 0,
        "dead_letters": 1,
        "duplicates": 0,
    }


def test_no_good_event_stops_a_job(tmp_path: Path) -> None:
    """Each of these has been seen to: by a warning of numpy's, by millions of due moments."""
    maker = Maker("us")
    sums = [maker.value(user_id="sums", price=p) for p in [1.7e308] * 2 + [-1.7e308] * 4]
    ages = [replace(maker, time=0).value(user_id="ages")]
    lines = [maker.value(), *sums, *ages, maker.value()]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines))
    made = config_of(CHOSEN, SEGMENTS, run={**RUN, "resolution": "1m", "lanes": 1})
    assert run_job(tmp_path, made).outcome.totals["events_applied"] == len(lines)


def test_the_user_is_found_in_a_value_whatever_the_field_is_called(tmp_path: Path) -> None:
    start_java(tmp_path)
    tables = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
    names = ["user_id", "user id", "user.id", "$user", "it's", "a\\b", "\u00fcser[0]"]
    queries = []
    for name in names:
        columns = KafkaEvents("", "", "", {}, True, 1, user_field=name).columns()
        value = literal(text({"user": {"id": "bob"}, name: "ann"}).decode())
        queries.append(
            f"SELECT {columns} FROM (SELECT ENCODE({value}, 'UTF-8') AS v, 0 AS written, 0 AS rt)"
        )
    found = tables.sql_query(f"SELECT lane_of FROM ({' UNION ALL '.join(queries)})").execute()
    assert [row[0] for row in found.collect()] == ["ann"] * len(names)


SMALL = {"max.message.bytes": "1048588"}  # what brokers take unless they are told otherwise
LONG = [
    Sent(b"ann", b"x" * 2_000_000, Reason.TOO_LARGE),
    Sent(b"ann", b"x" + "\u00fc".encode() * 1_000_000, Reason.TOO_LARGE),
    Sent(b"ann", b"\xff" * 2_000_000, Reason.TOO_LARGE),
    Sent(b"ann", b"\0" * 300_000, Reason.NOT_JSON),
    Sent(b"ann", b"{" + b'"' * 700_000, Reason.NOT_JSON),
    Sent(b"k" * 600_000, b"no JSON", Reason.NOT_JSON),
]


def gives_back(letter: DeadLetter, record: Sent) -> bool:
    """Whether a letter holds a record, or its beginning and what identifies the rest."""
    assert isinstance(record.fate, Reason)
    key, value = record.key or b"", record.value or b""
    head = given(letter.raw, letter.raw_base64) or b""
    known = letter.sha256 == sha256(value).hexdigest() if letter.truncated else head == value
    return (
        known
        and value.startswith(head)
        and key.startswith(given(letter.key, letter.key_base64) or b"-")
        and (letter.reason, letter.size) == (record.fate.value, len(value))
    )


def test_records_fit_into_their_topics_whatever_is_in_them(kafka: str, tmp_path: Path) -> None:
    made, maker = config(kafka, "us", lanes=1), Maker("us")
    topics = made["output"]["kafka"]
    for topic in topics["assignments"], topics["dead_letters"]:
        kafka_client.make_topic(Broker(kafka), topic, 1, SMALL)
    made["segments"] = {**SEGMENTS, "Elsewhere": {"when": "device <> 'a'"}}
    shops = ("b", "c" * 900_000, "\u00fc" * 450_000, "\x01" * 150_000, '"' * 450_000)
    values = {str(at): maker.value(user_id=str(at), shop=shop) for at, shop in enumerate(shops)}
    sent = [*LONG, *(Sent(user.encode(), value, None) for user, value in values.items())]
    send(kafka, made["source"]["kafka"]["topic"], sent)
    assert run_job(tmp_path, made).outcome.totals["records"] == len(sent)
    letters = letters_in(kafka, topics["dead_letters"])
    for record in LONG:
        assert sum(gives_back(letter, record) for letter in letters) == 1
    assert assignments_in(kafka, topics["assignments"])["0"].features["device"] == "b"
