"""What is in an input, counted as it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from flink_job.inspection.timeline import Timeline
from flink_job.inspection.wanted import Wanted
from operators.base.arrays import Ints
from operators.events.batch import EventBatch
from operators.events.reasons import Reason

NOBODY: Final = frozenset(
    {
        *("null", "NULL", "undefined", "None", "none", "nil", "nan", "NaN", "N/A", "n/a", "NA"),
        *("-", "0", "-1", "unknown", "(not set)", "(none)", "anonymous", "[object Object]"),
        "00000000-0000-0000-0000-000000000000",
    }
)
_LOOKED_INTO: Final = 1_000  # records, whose fields are all read; then some of each chunk
_OF_A_CHUNK: Final = 50
_MOST_NAMES: Final = 1_000
_MOST_TYPES: Final = 10_000
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Survey:
    """Counts of the records of an input, decoded as the job decodes them.

    `records` in all; `usable` are events, `rejected` the others by reason, each with an `example`.
    `names` are the fields of `looked_into` records; `times` their raw times. `types` are the
    events by their types as they stand there; `having` the usable events that have a property, by
    property and the code of the type, and `of_type` all of them. `nobodies` are users whose name
    says that there is none. `steps_back` counts events that are older than the one read before.
    """

    def __init__(self, wanted: Wanted, latest_us: int) -> None:
        self.wanted = wanted
        self.records = self.usable = self.looked_into = self.steps_back = 0
        self.rejected = Counter[Reason]()
        self.examples: dict[Reason, str] = {}
        self.names = Counter[str]()
        self.times: list[Any] = []
        self.types = Counter[str]()
        self.nobodies = Counter[str]()
        self.timeline = Timeline()
        kinds = len(wanted.types) + 1
        self.of_type: Ints = np.zeros(kinds, np.int64)
        self.having = {name: np.zeros(kinds, np.int64) for name in self._optional()}
        self.newest: tuple[int, str] = (-1, "")
        self._latest_us = latest_us
        self._decoder = wanted.decoder()
        self._type_of = field_decoder(wanted.events.type)
        self._last_us = 0

    def add(self, values: Sequence[bytes]) -> EventBatch:
        """Count the next records of the input; gives those that can be used."""
        decoded = self._decoder.decode((), values, self._latest_us)
        events = decoded.events
        for rejected in decoded.rejected:
            self.rejected[rejected.reason] += 1
            self.examples.setdefault(rejected.reason, rejected.detail)
        self._look_into(values)
        self.records += len(values)
        self.usable += len(events)
        if len(self.types) < _MOST_TYPES:
            self.types.update(x for value in values if (x := self._type_of(value)) is not None)
        self._count(events)
        return events

    def _optional(self) -> frozenset[str]:
        wanted = self.wanted
        return wanted.numbers | wanted.texts | frozenset(wanted.optional.values())

    def _count(self, events: EventBatch) -> None:
        if not len(events):
            return
        kinds = len(self.of_type)
        self.of_type += np.bincount(events.type, minlength=kinds)
        for name in self.having:
            having = events.type[self._has(events, name)]
            self.having[name] += np.bincount(having, minlength=kinds)
        times = events.time_us
        self.timeline.add(times)
        before = np.concatenate([[self._last_us], times[:-1]])
        self.steps_back += int(np.count_nonzero(times < before))
        self._last_us = int(times[-1])
        newest = int(times.argmax())
        self.newest = max(self.newest, (int(times[newest]), events.users[newest]))
        self.nobodies.update(user for user in events.users if user in NOBODY)

    def _has(self, events: EventBatch, name: str) -> Any:
        """Which events have a property, bool[n]."""
        if name in events.numbers:
            return ~np.isnan(events.numbers[name])
        texts = events.texts.get(name)
        if texts is None:
            texts = events.ids if name == self.wanted.events.id else events.session
        return np.fromiter((text is not None for text in texts or ()), np.bool_, len(events))

    def _look_into(self, values: Sequence[bytes]) -> None:
        """Read all fields of some records."""
        most = max(_LOOKED_INTO - self.looked_into, _OF_A_CHUNK)
        for value in values[:most]:
            try:
                record = msgspec.json.decode(value, type=dict[str, Any])
            except _UNREADABLE:
                continue
            self.looked_into += 1
            if len(self.names) < _MOST_NAMES:
                self.names.update(record.keys())
            if len(self.times) < _LOOKED_INTO:
                self.times.append(record.get(self.wanted.events.time))


def field_decoder(field: str) -> Callable[[bytes], Any]:
    """Reads one field of a JSON object as text; None where there is none, or no object."""
    head = msgspec.defstruct("Head", [("value", Any, None)], rename={"value": field}, gc=False)
    decode = msgspec.json.Decoder(head).decode

    def read(value: bytes) -> str | None:
        try:
            found = decode(value).value  # type: ignore[attr-defined] # the struct has one field
        except _UNREADABLE:
            return None
        return str(found) if type(found) in (str, int) and found != "" else None

    return read
