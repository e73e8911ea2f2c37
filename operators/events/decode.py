"""From raw Kafka records to a batch of events; what can't be used becomes a dead letter.

Every record is decoded alone, so that no broken record can eat its neighbour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from msgspec import UNSET

from operators.base.arrays import Ints, Mask
from operators.events import fields
from operators.events.batch import EventBatch
from operators.events.content_ids import ContentIds
from operators.events.fields import Fault, Faults
from operators.events.kinds import PLAIN_NUMBER, PLAIN_TEXT, PLAIN_TYPE, PLAIN_USER
from operators.events.markers import NULL
from operators.events.reading import RecordReader
from operators.events.reasons import Reason
from operators.events.spec import TIME_UNITS_NS, ConstantType, EventsSpec
from operators.events.times import Times
from operators.events.type_codes import TypeCodes


@dataclass(frozen=True)
class Rejected:
    """A record that can't be used: its position in what was decoded, and why not."""

    source: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Decoded:
    """What became of a batch of records: every one is in `events` or in `rejected`.

    `unread` are properties of events that could not be read, and are missing.
    """

    events: EventBatch
    rejected: list[Rejected]
    unread: Sequence[Rejected] = ()


class _Checks:
    """What is wrong with the events of a batch, by position; an event `stays` without properties.

    `unread` are those properties, which are missing then.
    """

    def __init__(self, *, stays: bool) -> None:
        self.faults: Faults = {}
        self.unread: list[tuple[int, Fault]] = []
        self._stays = stays

    def required(self, read: tuple[Any, Faults]) -> Any:
        """A column that each event must have; its first fault is told."""
        column, more = read
        for position, fault in more.items():
            self.faults.setdefault(position, fault)
        return column

    def optional(self, read: tuple[Any, Faults]) -> Any:
        """A column of a property."""
        if not self._stays:
            return self.required(read)
        self.unread.extend(read[1].items())
        return read[0]


class EventDecoder:
    """Decodes records by an `EventsSpec`.

    Args:
        spec: the names of the fields.
        types: the event types that features know; any other gets the code `len(types)`.
        numbers: the properties that are read as numbers.
        texts: the properties that are read as texts.
        keyed: whether records have keys, which must be their users.
    """

    def __init__(
        self,
        spec: EventsSpec,
        types: Sequence[str],
        numbers: Collection[str],
        texts: Collection[str],
        *,
        keyed: bool = True,
    ) -> None:
        self._spec = spec
        self._types = TypeCodes(types, spec.types)
        self._keyed = keyed
        self._numbers = sorted(numbers)
        self._texts = sorted(texts)
        self._times = Times(TIME_UNITS_NS.get(spec.time_unit), spec.zone_of_times)
        self._nobody = frozenset(spec.nobody)
        self._no_session = frozenset(spec.no_session)
        named = (spec.user, spec.time, spec.type_field, spec.session, spec.id_field)
        own = [name for name in named if name is not None]
        self._places = {
            name: name if name in own else spec.property_name(name)
            for name in (*self._numbers, *self._texts)
        }
        read = [*own, *self._places.values()]
        # What is read as something else, too, is never taken back.
        self._nullable = [
            name for name, at in self._places.items() if spec.takes_back and at not in own
        ]
        told_apart = [self._places[name] for name in self._nullable]
        # A field that is read as two things is not of one kind.
        kinds = self._kinds() if len(set(read)) == len(read) else dict.fromkeys(read, Any)
        self._reader = RecordReader(kinds, told_apart, spec.max_bytes, _reasons(spec))
        self._made_ids = ContentIds(spec.time) if spec.ids_by_content else None

    def _kinds(self) -> dict[str, Any]:
        """What nearly all values of each field are."""
        spec = self._spec
        ids = [name for name in (spec.session, spec.id_field) if name is not None]
        types = [] if spec.type_field is None else [spec.type_field]
        return {
            spec.user: PLAIN_USER,
            **dict.fromkeys(types, PLAIN_TYPE),
            spec.time: Any,
            **dict.fromkeys(ids, PLAIN_TEXT),
            **{self._places[name]: PLAIN_NUMBER for name in self._numbers},
            **{self._places[name]: PLAIN_TEXT for name in self._texts},
        }

    def count_types(self, seen: Counter[str] | None) -> None:
        """Count the types of all records that are decoded from now on, as they stand there."""
        self._types.seen = seen

    def decode(self, keys: Sequence[bytes], values: Sequence[bytes], latest_us: int) -> Decoded:
        """Decode records, each a key and a value; an event after `latest_us` is of the future.

        `keys` are not looked at unless records are keyed.
        """
        decoded = self._decode(keys, values, latest_us)
        if self._made_ids is None:
            return decoded
        events = decoded.events
        raw = [values[at] for at in events.source.tolist()]
        ids = self._made_ids.fill(events.ids, raw, events.time_us)
        return replace(decoded, events=replace(events, ids=ids))

    def _decode(self, keys: Sequence[bytes], values: Sequence[bytes], latest_us: int) -> Decoded:
        read = self._reader.read(values)
        source = read.source
        rejected = [Rejected(at, *fault) for at, fault in read.faults.items()]
        if self._keyed and rejected:
            keys = [keys[at] for at in source.tolist()]
        columns, checks = self._columns(read.columns, read.typed, keys, latest_us)
        faults = checks.faults
        missing = [Rejected(int(source[at]), *fault) for at, fault in checks.unread]
        if not faults:
            return Decoded(EventBatch(source=source, **columns), rejected, missing)
        rejected += [Rejected(int(source[at]), *fault) for at, fault in faults.items()]
        kept = [at for at in range(len(source)) if at not in faults]
        return Decoded(EventBatch(source=source[kept], **_kept(columns, kept)), rejected, missing)

    def _columns(
        self,
        values: Mapping[str, Sequence[Any]],
        plain: Collection[str],
        keys: Sequence[bytes],
        latest_us: int,
    ) -> tuple[dict[str, Any], _Checks]:
        spec = self._spec
        checks = _Checks(stays=spec.on_bad_value == "missing")
        checked, faults = checks.required, checks.faults
        users = checked(fields.users(values[spec.user], self._nobody, plain=spec.user in plain))
        if self._keyed:
            self._check_keys(users, keys, faults)
        time_us = checked(self._times.read(values[spec.time]))
        for position in np.flatnonzero(time_us > latest_us).tolist():
            faults.setdefault(position, (Reason.FUTURE, "the time lies in the future"))
        types = checked(self._read_types(values, plain, len(users)))

        def texts(field: str | None, reason: Reason) -> Any:
            if field is None:
                return None
            return checked(fields.texts(values[field], reason, field, plain=field in plain))

        columns = {
            "users": users,
            "time_us": time_us,
            "type": types,
            "session": self._sessions(texts(spec.session, Reason.BAD_SESSION)),
            "ids": texts(spec.id_field, Reason.BAD_ID),
            **self._properties(values, checks, plain),
        }
        return columns, checks

    def _read_types(
        self, values: Mapping[str, Sequence[Any]], plain: Collection[str], count: int
    ) -> tuple[Ints, Faults]:
        of = self._spec.type
        if isinstance(of, ConstantType):
            return self._types.read([of.constant] * count, plain=True)
        return self._types.read(values[of], plain=of in plain)

    def _sessions(self, ids: Sequence[str | None] | None) -> Sequence[str | None] | None:
        """Session ids, without those that mean none."""
        if ids is None or not self._no_session or self._no_session.isdisjoint(ids):
            return ids
        return [None if each in self._no_session else each for each in ids]

    def _properties(
        self, values: Mapping[str, Sequence[Any]], checks: _Checks, plain: Collection[str]
    ) -> dict[str, Any]:
        numbers, texts = {}, {}
        taken_back = {name: _nulls(values[self._places[name]]) for name in self._nullable}

        def raw_of(name: str) -> Sequence[Any]:
            raw = values[self._places[name]]
            return raw if name not in taken_back else [x if x is not UNSET else None for x in raw]

        for name in self._numbers:
            raw, known = raw_of(name), self._places[name] in plain
            if self._spec.number is not None and not known:
                raw = self._spec.number.plain(raw)
            numbers[name] = checks.optional(fields.numbers(raw, name, plain=known))
        for name in self._texts:
            raw, known = raw_of(name), self._places[name] in plain
            texts[name] = checks.optional(fields.texts(raw, Reason.BAD_VALUE, name, plain=known))
        return {"numbers": numbers, "texts": texts, "taken_back": taken_back}

    def _check_keys(self, users: Sequence[str], keys: Sequence[bytes], faults: Faults) -> None:
        encoded = list(map(str.encode, users))
        if encoded == list(keys):
            return
        for position, (user, key) in enumerate(zip(encoded, keys, strict=True)):
            if user != key and position not in faults:
                faults[position] = self._fault_of_key(key)

    def _fault_of_key(self, key: bytes) -> Fault:
        if key not in (NULL, b""):
            return Reason.KEY_MISMATCH, "the key is not the user in the value"
        if self._spec.key == "none":
            limits = "numbers of over 1,000 digits, or names of over 50,000 characters"
            return Reason.NULL_KEY, f"Flink can't find the user in it: it does not read {limits}"
        return Reason.NULL_KEY, "the record has no key; the key must be the user"


def _nulls(values: Sequence[Any]) -> Mask:
    """Which values are null, bool[n]."""
    return np.fromiter((value is None for value in values), np.bool_, len(values))


def _reasons(spec: EventsSpec) -> dict[str, Reason]:
    """What is wrong with an event when what is wrong is one of these fields."""
    reasons = {
        spec.id_field: Reason.BAD_ID,
        spec.session: Reason.BAD_SESSION,
        spec.type_field: Reason.BAD_TYPE,
        spec.time: Reason.BAD_TIME,
        spec.user: Reason.BAD_USER,
    }
    return {field: reason for field, reason in reasons.items() if field is not None}


def _kept(columns: dict[str, Any], kept: Sequence[int]) -> dict[str, Any]:
    """The columns at the positions that are kept."""

    def of(column: Any) -> Any:
        if isinstance(column, np.ndarray):
            return column[kept]
        if isinstance(column, dict):
            return {name: of(values) for name, values in column.items()}
        return None if column is None else [column[at] for at in kept]

    return {name: of(column) for name, column in columns.items()}
