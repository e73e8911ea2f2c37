"""From raw Kafka records to a batch of events; what can't be used becomes a dead letter.

Every record is decoded alone, so that no broken record can eat its neighbour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import Ints
from operators.events import fields
from operators.events.batch import EventBatch
from operators.events.diagnosis import diagnosis
from operators.events.fields import Fault, Faults
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.events.record import RecordDecoder
from operators.events.spec import TIME_UNITS_US, EventsSpec
from operators.events.times import Times
from operators.events.type_codes import TypeCodes

_LOOKED_AT: Final = 15  # batches after one with a value of another kind: there will be more of it


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
        self._times = Times(TIME_UNITS_US.get(spec.time_unit), spec.zone_of_times)
        self._nobody = frozenset(spec.nobody)
        named = (spec.user, spec.time, spec.type, spec.session, spec.id)
        own = [name for name in named if name is not None]
        self._places = {
            name: name if name in own else spec.property_name(name)
            for name in (*self._numbers, *self._texts)
        }
        read = [*own, *self._places.values()]
        self._records = RecordDecoder({}, dict.fromkeys(read, Any))
        # A field that is read as two things is not of one kind, nor is what a path leads to.
        whole = self._records.whole and len(set(read)) == len(read)
        self._plain = _plain(spec, numbers, texts) if whole else None
        self._looked_at = 0
        self._reasons = _reasons(spec)

    def count_types(self, seen: Counter[str] | None) -> None:
        """Count the types of all records that are decoded from now on, as they stand there."""
        self._types.seen = seen

    def decode(self, keys: Sequence[bytes], values: Sequence[bytes], latest_us: int) -> Decoded:
        """Decode records, each a key and a value; an event after `latest_us` is of the future.

        `keys` are not looked at unless records are keyed.
        """
        rejected: list[Rejected] = []
        plain = self._decode_plain(values)
        if plain is not None:
            source = np.arange(len(values))
            columns, checks = self._columns(plain, keys, latest_us, plain=True)
        else:
            records, source, rejected = self._decode_all(values)
            if self._keyed and rejected:
                keys = [keys[at] for at in source.tolist()]
            read = self._records.columns(records)
            columns, checks = self._columns(read, keys, latest_us, plain=False)
        faults = checks.faults
        missing = [Rejected(int(source[at]), *fault) for at, fault in checks.unread]
        if not faults:
            return Decoded(EventBatch(source=source, **columns), rejected, missing)
        rejected += [Rejected(int(source[at]), *fault) for at, fault in faults.items()]
        kept = [at for at in range(len(source)) if at not in faults]
        return Decoded(EventBatch(source=source[kept], **_kept(columns, kept)), rejected, missing)

    def _decode_plain(self, values: Sequence[bytes]) -> Mapping[str, Sequence[Any]] | None:
        """The fields of records whose values are all of the kinds that nearly all are.

        None if a value is not, and for some batches after that: it takes a look at each value.
        """
        if self._plain is None or self._looked_at > 0:
            self._looked_at -= 1
            return None
        if max(map(len, values), default=0) <= self._spec.max_bytes:
            with suppress(Exception):
                return self._plain.columns(list(map(self._plain.decode, values)))
        self._looked_at = _LOOKED_AT
        return None

    def _decode_all(self, values: Sequence[bytes]) -> tuple[list[Any], Ints, list[Rejected]]:
        """The records, where each stood, and what was none; the common case in one sweep."""
        if max(map(len, values), default=0) <= self._spec.max_bytes:
            with suppress(Exception):
                return list(map(self._records.decode, values)), np.arange(len(values)), []
        return self._decode_each(values)

    def _decode_each(self, values: Sequence[bytes]) -> tuple[list[Any], Ints, list[Rejected]]:
        records, sources, rejected = [], [], []
        decode, most = self._records.decode, self._spec.max_bytes
        for source, value in enumerate(values):
            try:
                if len(value) > most:
                    detail = f"{len(value)} bytes, at most {most} are taken (events.max_bytes)"
                    rejected.append(Rejected(source, Reason.TOO_LARGE, detail))
                    continue
                records.append(decode(value))
                sources.append(source)
            except Exception as error:
                rejected.append(Rejected(source, *diagnosis(value, error, self._reasons)))
        return records, np.array(sources, np.int64), rejected

    def _columns(
        self,
        values: Mapping[str, Sequence[Any]],
        keys: Sequence[bytes],
        latest_us: int,
        *,
        plain: bool,
    ) -> tuple[dict[str, Any], _Checks]:
        spec = self._spec
        checks = _Checks(stays=spec.on_bad_value == "missing")
        checked, faults = checks.required, checks.faults
        users = checked(fields.users(values[spec.user], self._nobody, plain=plain))
        if self._keyed:
            self._check_keys(users, keys, faults)
        time_us = checked(self._times.read(values[spec.time]))
        for position in np.flatnonzero(time_us > latest_us).tolist():
            faults.setdefault(position, (Reason.FUTURE, "the time lies in the future"))
        types = checked(self._types.read(values[spec.type], plain=plain))

        def texts(field: str | None, reason: Reason) -> Any:
            if field is None:
                return None
            return checked(fields.texts(values[field], reason, field, plain=plain))

        columns = {
            "users": users,
            "time_us": time_us,
            "type": types,
            "session": texts(spec.session, Reason.BAD_SESSION),
            "ids": texts(spec.id, Reason.BAD_ID),
            **self._properties(values, checks, plain=plain),
        }
        return columns, checks

    def _properties(
        self, values: Mapping[str, Sequence[Any]], checks: _Checks, *, plain: bool
    ) -> dict[str, Any]:
        numbers, texts = {}, {}
        for name in self._numbers:
            raw = values[self._places[name]]
            if self._spec.number is not None and not plain:
                raw = self._spec.number.plain(raw)
            numbers[name] = checks.optional(fields.numbers(raw, name, plain=plain))
        for name in self._texts:
            raw = values[self._places[name]]
            texts[name] = checks.optional(fields.texts(raw, Reason.BAD_VALUE, name, plain=plain))
        return {"numbers": numbers, "texts": texts}

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


def _plain(spec: EventsSpec, numbers: Collection[str], texts: Collection[str]) -> RecordDecoder:
    """A decoder that refuses what is not of the kind that nearly all values of its field are."""
    required = {spec.user: fields.PLAIN_USER, spec.type: fields.PLAIN_TYPE}
    textual = [name for name in (spec.session, spec.id, *texts) if name is not None]
    optional = dict.fromkeys(textual, fields.PLAIN_TEXT)
    optional |= dict.fromkeys(numbers, fields.PLAIN_NUMBER)
    return RecordDecoder(required, {**optional, spec.time: Any})


def _reasons(spec: EventsSpec) -> dict[str, Reason]:
    """What is wrong with an event when what is wrong is one of these fields."""
    reasons = {
        spec.id: Reason.BAD_ID,
        spec.session: Reason.BAD_SESSION,
        spec.type: Reason.BAD_TYPE,
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
