"""From raw Kafka records to a batch of events; what can't be used becomes a dead letter.

Every record is decoded alone, so that no broken record can eat its neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from operators.events import fields
from operators.events.batch import EventBatch
from operators.events.diagnosis import diagnosis
from operators.events.fields import Fault, Faults
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.events.spec import TIME_UNITS_US, EventsSpec
from operators.events.times import Times


@dataclass(frozen=True)
class Rejected:
    """A record that can't be used: its position in what was decoded, and why not."""

    source: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Decoded:
    """What became of a batch of records: every one is in `events` or in `rejected`."""

    events: EventBatch
    rejected: list[Rejected]


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
        self._type_codes = {name: code for code, name in enumerate(types)}
        self._keyed = keyed
        self._numbers = sorted(numbers)
        self._texts = sorted(texts)
        self._times = Times(TIME_UNITS_US.get(spec.time_unit))
        ids = () if spec.id is None else (spec.id,)
        self._decode = _record_decoder(spec, {*numbers, *texts, *ids})
        self._reasons = _reasons(spec)

    def decode(self, keys: Sequence[bytes], values: Sequence[bytes], latest_us: int) -> Decoded:
        """Decode records, each a key and a value; an event after `latest_us` is of the future.

        `keys` are not looked at unless records are keyed.
        """
        records, sources, rejected = self._decode_all(values)
        keys = [keys[source] for source in sources] if self._keyed else ()
        columns, faults = self._columns(records, keys, latest_us)
        if not faults:
            return Decoded(EventBatch(source=np.array(sources, np.int64), **columns), rejected)
        rejected += [Rejected(sources[at], *fault) for at, fault in faults.items()]
        kept = [at for at in range(len(records)) if at not in faults]
        source = np.array([sources[at] for at in kept], np.int64)
        return Decoded(EventBatch(source=source, **_kept(columns, kept)), rejected)

    def _decode_all(
        self, values: Sequence[bytes]
    ) -> tuple[list[Any], Sequence[int], list[Rejected]]:
        """The records, where each stood, and what was none; the common case in one sweep."""
        if max(map(len, values), default=0) <= self._spec.max_bytes:
            with suppress(Exception):
                return list(map(self._decode, values)), range(len(values)), []
        return self._decode_each(values)

    def _decode_each(self, values: Sequence[bytes]) -> tuple[list[Any], list[int], list[Rejected]]:
        records, sources, rejected = [], [], []
        decode, most = self._decode, self._spec.max_bytes
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
        return records, sources, rejected

    def _columns(
        self, records: Sequence[Any], keys: Sequence[bytes], latest_us: int
    ) -> tuple[dict[str, Any], Faults]:
        faults: Faults = {}

        def checked(read: tuple[Any, Faults]) -> Any:
            column, more = read
            for position, fault in more.items():
                faults.setdefault(position, fault)
            return column

        spec = self._spec
        users = checked(fields.users([record.user for record in records]))
        if self._keyed:
            self._check_keys(users, keys, faults)
        time_us = checked(self._times.read([record.time for record in records]))
        for position in np.flatnonzero(time_us > latest_us).tolist():
            faults.setdefault(position, (Reason.FUTURE, "the time lies in the future"))
        types = checked(fields.types([record.type for record in records], spec.types))
        unknown = len(self._type_codes)
        codes = [self._type_codes.get(name, unknown) for name in types]

        def texts(field: str | None, reason: Reason) -> Any:
            if field is None:
                return None
            return checked(fields.texts(_values(records, field), reason, field))

        columns = {
            "users": users,
            "time_us": time_us,
            "type": np.array(codes, np.int64),
            "session": texts(spec.session, Reason.BAD_SESSION),
            "ids": texts(spec.id, Reason.BAD_ID),
            "numbers": {
                name: checked(fields.numbers(_values(records, name), name))
                for name in self._numbers
            },
            "texts": {name: texts(name, Reason.BAD_VALUE) for name in self._texts},
        }
        return columns, faults

    def _check_keys(self, users: Sequence[str], keys: Sequence[bytes], faults: Faults) -> None:
        encoded = [user.encode() for user in users]
        if encoded == keys:
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


def _record_decoder(spec: EventsSpec, properties: Collection[str]) -> Callable[[bytes], Any]:
    """A decoder into a struct of just the fields that are read; others cost next to nothing.

    A property may be a field that is read as user, time, type or session too: JSON has it
    once, so the struct has it once, and a property of that name reads the same attribute.
    """
    named = {"user": spec.user, "time": spec.time, "type": spec.type}
    if spec.session is not None:
        named["session"] = spec.session
    taken = {field: attribute for attribute, field in named.items()}
    attributes = dict(named)
    for field in sorted(properties):
        attributes.setdefault(taken.get(field, _attribute(field)), field)
    record = msgspec.defstruct(
        "Record",
        [(attribute, Any, None) for attribute in attributes],
        rename=attributes,
        gc=False,
        namespace={"aliases": taken},
    )
    return msgspec.json.Decoder(record).decode


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


def _attribute(field: str) -> str:
    return "p_" + field.encode().hex()


def _values(records: Sequence[Any], field: str) -> list[Any]:
    if not records:
        return []
    attribute = records[0].aliases.get(field) or _attribute(field)
    return [getattr(record, attribute) for record in records]


def _kept(columns: dict[str, Any], kept: Sequence[int]) -> dict[str, Any]:
    """The columns at the positions that are kept."""

    def of(column: Any) -> Any:
        if isinstance(column, np.ndarray):
            return column[kept]
        if isinstance(column, dict):
            return {name: of(values) for name, values in column.items()}
        return None if column is None else [column[at] for at in kept]

    return {name: of(column) for name, column in columns.items()}
