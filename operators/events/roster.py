"""A roster: people whether or not they have done anything, and what is known of them.

Its records come on the way of the events, each behind a marker, and are none: they have no time
and no type.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from operators.events import fields
from operators.events.batch import EventBatch
from operators.events.decode import Decoded, Rejected
from operators.events.diagnosis import diagnosis
from operators.events.fields import Fault, Faults
from operators.events.markers import NULL, ROSTER
from operators.events.reasons import Reason
from operators.events.record import RecordDecoder
from operators.events.spec import EventsSpec

Raw = tuple[Sequence[bytes], Sequence[bytes]]  # keys, and values


def parted(keys: Sequence[bytes], values: Sequence[bytes]) -> tuple[Raw, Raw]:
    """Records of the roster, without their markers, and then the others, in their order."""
    marked = [value.startswith(ROSTER) for value in values]
    if not any(marked):
        return ([], []), (keys, values)
    both = list(zip(keys, values, marked, strict=True))
    people = [(key, _unmarked(value)) for key, value, is_marked in both if is_marked]
    others = [(key, value) for key, value, is_marked in both if not is_marked]
    return _columns(people), _columns(others)


def _columns(records: Sequence[tuple[bytes, bytes]]) -> Raw:
    return [key for key, _ in records], [value for _, value in records]


def _unmarked(value: bytes) -> bytes:
    return value.removeprefix(ROSTER) or NULL


class RosterDecoder:
    """Decodes records of a roster: a user, and of the traits those that features ask for.

    Args:
        user: the field of the user.
        events: how numbers are written, who is nobody, and where properties stand.
        numbers: the traits that are read as numbers.
        texts: the traits that are read as texts.
        types: how many event types are known; no record of a roster is of any.
        keyed: whether records have keys, which must be their users.
    """

    def __init__(
        self,
        user: str,
        events: EventsSpec,
        numbers: Collection[str],
        texts: Collection[str],
        types: int,
        *,
        keyed: bool,
    ) -> None:
        self._user, self._events, self._types, self._keyed = user, events, types, keyed
        self._numbers, self._texts = sorted(numbers), sorted(texts)
        self._places = {x: events.property_name(x) for x in (*self._numbers, *self._texts)}
        read = dict.fromkeys([user, *self._places.values()], Any)
        self._records = RecordDecoder({}, read)
        self._nobody: Final = frozenset(events.nobody)

    @property
    def fields(self) -> frozenset[str]:
        """The traits that are read."""
        return frozenset((*self._numbers, *self._texts))

    @property
    def number_fields(self) -> frozenset[str]:
        """Those that are read as numbers and as nothing else."""
        return frozenset(self._numbers) - {*self._texts, self._user}

    def decode(self, keys: Sequence[bytes], values: Sequence[bytes]) -> Decoded:
        """Decode records; those that can't be used are `bad_roster`, and so is one without a
        value that a feature asks for and can't be read, unless `on_bad_value` says otherwise."""
        records, sources, rejected = [], [], []
        for source, value in enumerate(values):
            try:
                if len(value) > self._events.max_bytes:
                    raise ValueError(f"larger than {self._events.max_bytes} bytes")
                records.append(self._records.decode(value))
                sources.append(source)
            except Exception as error:
                rejected.append(_refused(source, _detail(value, error)))
        columns = self._records.columns(records)
        people, faults, unread = self._people(columns, sources)
        if self._keyed:
            self._check_keys(people.users, [keys[at] for at in sources], faults)
        rejected += [_refused(sources[at], detail) for at, (_, detail) in faults.items()]
        kept = np.array([at not in faults for at in range(len(sources))], np.bool_)
        return Decoded(people if kept.all() else people.where(kept), rejected, unread)

    def _people(
        self, columns: Any, sources: Sequence[int]
    ) -> tuple[EventBatch, Faults, list[Rejected]]:
        count = len(sources)
        users, faults = fields.users(columns[self._user], self._nobody)
        unread: list[tuple[int, Fault]] = []
        numbers, texts = {}, {}
        for name in self._numbers:
            raw = columns[self._places[name]]
            if self._events.number is not None:
                raw = self._events.number.plain(raw)
            numbers[name], found = fields.numbers(raw, name)
            unread += found.items()
        for name in self._texts:
            raw = columns[self._places[name]]
            texts[name], found = fields.texts(raw, Reason.BAD_ROSTER, name)
            unread += found.items()
        if self._events.on_bad_value == "dead_letter":
            for at, fault in unread:
                faults.setdefault(at, fault)
            unread = []
        people = EventBatch(
            users=users,
            time_us=np.zeros(count, np.int64),
            type=np.full(count, self._types),
            session=None,
            numbers=numbers,
            texts=texts,
            source=np.array(sources, np.int64),
        )
        return people, faults, [_refused(sources[at], detail) for at, (_, detail) in unread]

    def _check_keys(self, users: Sequence[str], keys: Sequence[bytes], faults: Faults) -> None:
        for at, (user, key) in enumerate(zip(users, keys, strict=True)):
            if user.encode() != key:
                wrong = (Reason.BAD_ROSTER, "the key is not the user in the value")
                faults.setdefault(at, wrong)


def _refused(source: int, detail: str) -> Rejected:
    return Rejected(source, Reason.BAD_ROSTER, f"roster: {detail}")


def _detail(value: bytes, error: Exception) -> str:
    if isinstance(error, ValueError) and not isinstance(error, msgspec.MsgspecError):
        return str(error)
    return diagnosis(value, error, {})[1]
