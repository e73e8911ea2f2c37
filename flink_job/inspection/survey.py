"""What is in an input, counted as it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import numpy as np

from flink_job.inspection.timeline import Timeline
from flink_job.inspection.wanted import Wanted
from operators.base.arrays import Ints
from operators.events.batch import EventBatch
from operators.events.reasons import Reason
from operators.events.record import UNREADABLE, OneField
from operators.events.seen_names import field_names

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


class Survey:
    """Counts of the records of an input, decoded as the job decodes them.

    `records` in all; `usable` are events, `rejected` the others by reason, each with an `example`.
    `names` are the fields of `looked_into` records, `present` those of them that are needed and
    have a value; `times` their raw times. `unread` counts properties that can't be read and are
    missing. `types` are the events by their types as they stand there; `having` the usable events
    that have a property, by property and the code of the type, and `of_type` all of them.
    `nobodies` are users whose name says that there is none, `decimals` those who are called as
    12345.0 is. `steps_back` counts events that are older than the one read before.
    """

    def __init__(self, wanted: Wanted, latest_us: int) -> None:
        self.wanted = wanted
        self.records = self.usable = self.looked_into = self.steps_back = 0
        self.rejected = Counter[Reason]()
        self.unread, self.unread_example = 0, ""
        self.examples: dict[Reason, str] = {}
        self.names = Counter[str]()
        self.present = Counter[str]()
        self.times: list[Any] = []
        self.types = Counter[str]()
        self.nobodies = Counter[str]()
        self.decimals = Counter[str]()
        self.timeline = Timeline()
        kinds = len(wanted.types) + 1
        self.of_type: Ints = np.zeros(kinds, np.int64)
        self.having = {name: np.zeros(kinds, np.int64) for name in self._optional()}
        self.newest: tuple[int, str] = (-1, "")
        self._latest_us = latest_us
        self._decoder = wanted.decoder()
        self._decoder.count_types(self.types)
        self._needed = {name: OneField(name) for name in wanted.needed.values()}
        self._last_us = 0

    def add(self, values: Sequence[bytes]) -> EventBatch:
        """Count the next records of the input; gives those that can be used."""
        decoded = self._decoder.decode((), values, self._latest_us)
        events = decoded.events
        for rejected in decoded.rejected:
            self.rejected[rejected.reason] += 1
            self.examples.setdefault(rejected.reason, rejected.detail)
        self.unread += len(decoded.unread)
        for unread in decoded.unread[:1]:
            self.unread_example = self.unread_example or unread.detail
        self._look_into(values)
        self.records += len(values)
        self.usable += len(events)
        if len(self.types) >= _MOST_TYPES:
            self._decoder.count_types(None)
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
        if len(self.decimals) < _MOST_NAMES:
            ending = (user for user in events.users if user.endswith(".0"))
            self.decimals.update(user for user in ending if user[:-2].isdecimal())

    def _has(self, events: EventBatch, name: str) -> Any:
        """Which events have a property, bool[n]."""
        if name in events.numbers:
            return ~np.isnan(events.numbers[name])
        texts = events.texts.get(name)
        if texts is None:
            texts = events.ids if name == self.wanted.events.id_field else events.session
        return np.fromiter((text is not None for text in texts or ()), np.bool_, len(events))

    def _look_into(self, values: Sequence[bytes]) -> None:
        """Read all fields of some records."""
        objects = []
        for value in values[: max(_LOOKED_INTO - self.looked_into, _OF_A_CHUNK)]:
            with suppress(*UNREADABLE):
                record = msgspec.json.decode(value, type=dict[str, Any])
                objects.append(value)
                if len(self.names) < _MOST_NAMES:
                    self.names.update(field_names(record))
        self.looked_into += len(objects)
        for name, field in self._needed.items():
            found = [each for each in field.of(objects) if each is not None]
            self.present[name] += len(found)
            if name == self.wanted.events.time and len(self.times) < _LOOKED_INTO:
                self.times += found
