"""`unique_list`: the different values of a property that a user showed last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask, Moments, Rows
from operators.base.errors import Problem
from operators.base.frame import Kind, list_text
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import text
from operators.features.kinds.window_options import SHOWN_EXACT, TILE, UP_TO_NOW, WINDOW, ZONE
from operators.features.sessions import active, in_current
from operators.features.windows import SESSION, BatchUpdate, Limits, counting
from operators.pages.layout import Field
from operators.pages.table import UserTable, set_keys

_VALUES_BY_DEFAULT: Final = 10
_LONGEST_LIST: Final = 50  # values; a user's row has 16 bytes for each
_NONE: Final = -1  # no code, and no time


@dataclass(frozen=True)
class UniqueList:
    """The up to `most` different values that were seen last, the newest first.

    Of values seen at one moment, the last to arrive is the newest. The window has the moments of
    `limits`, or those of the current session where there is a `gap_us`, or all time. Whatever the
    order in which events come, these are the newest: a value that made room can only come back with
    a newer event.

    State: the values in their order, and the time of each one's newest event.
    """

    name: str
    events: EventFilter
    reads: str
    most: int
    limits: Limits | None
    gap_us: int | None

    def fields(self) -> tuple[Field, ...]:
        return (
            Field(self.name, "i8", self.most, initial=_NONE, coded=True),
            Field(self._times, "i8", self.most, initial=_NONE),
        )

    def add(self, table: UserTable, update: BatchUpdate) -> None:
        arrivals = update.arrivals
        kept, times = table.cells(self.name), table.cells(self._times)
        if self.gap_us is not None and update.sessions is not None:
            opened = arrivals.rows[update.sessions.opened]
            kept.put(opened, _NONE)
            times.put(opened, _NONE)
        chosen = np.flatnonzero(self._chosen(table, update))
        if not len(chosen):
            return
        touched = np.unique(arrivals.rows[chosen])
        # What was kept comes first, the oldest before the others: it arrived before the batch.
        rows = np.append(np.repeat(touched, self.most), arrivals.rows[chosen])
        codes = np.append(kept.take(touched)[:, ::-1], arrivals.texts[self.reads][chosen])
        times_us = np.append(times.take(touched)[:, ::-1], arrivals.time_us[chosen])
        newest, place = _newest_of_each(rows, codes, times_us)
        fits = place < self.most
        newest, place = newest[fits], place[fits]
        kept.put(touched, _NONE)
        times.put(touched, _NONE)
        kept.put_one(rows[newest], codes[newest], place)
        times.put_one(rows[newest], times_us[newest], place)

    def look(self, table: UserTable, rows: Rows, now_us: Moments) -> tuple[Floats, Moments | None]:
        times_us = table.cells(self._times).take(rows)
        counts, change_us = times_us != _NONE, None
        if self.limits is not None:
            counts, change_us = counting(table, self.limits, rows, times_us, now_us)
        elif self.gap_us is not None:
            counts &= active(table, rows, now_us, self.gap_us)[:, None]
        return self._lists(table, rows, counts.sum(axis=1)), change_us

    @property
    def _times(self) -> str:
        return f"{self.name}.time_us"

    def _chosen(self, table: UserTable, update: BatchUpdate) -> Mask:
        arrivals = update.arrivals
        chosen = self.events.among(arrivals, table.dictionary) & (arrivals.texts[self.reads] >= 0)
        if self.gap_us is not None and update.sessions is not None:
            chosen &= in_current(table, arrivals, update.sessions)
        return chosen

    def _lists(self, table: UserTable, rows: Rows, lengths: Ints) -> Floats:
        """The codes of the lists of each user's first values, NaN where there are none."""
        shown = np.flatnonzero(lengths)
        codes = table.cells(self.name).take(rows[shown])
        text = table.dictionary.text
        texts = [
            list_text(list(map(text, own[:length])))
            for own, length in zip(codes.tolist(), lengths[shown].tolist(), strict=True)
        ]
        lists = np.full(len(rows), np.nan)
        lists[shown] = table.codes_of(texts)
        return lists


def _newest_of_each(rows: Rows, codes: Ints, times_us: Moments) -> tuple[Ints, Ints]:
    """Each row's codes at their newest, by time and then arrival, and their place among these.

    What has no code is left out. Gives positions, and places from 0, the newest, in each row.
    """
    order = np.lexsort((times_us, rows))[::-1]
    order = order[codes[order] != _NONE]
    first = np.unique(set_keys(rows[order], codes[order]), return_index=True)[1]
    newest = order[np.sort(first)]
    downwards = -rows[newest]
    place: Ints = np.arange(len(newest)) - np.searchsorted(downwards, downwards)
    return newest, place


@dataclass(frozen=True)
class ListLength(Option[int]):
    """How many values a list has at most."""

    type: Any = int

    def problems_of_value(self, path: str, value: int, feature: Definition) -> Iterator[Problem]:
        if not 1 <= value <= _LONGEST_LIST:
            expected = f"expected a whole number from 1 to {_LONGEST_LIST}"
            yield Problem(path, f"{expected}, found {value}")


MOST: Final = ListLength("most")


def _unique_list(feature: Compilation) -> Compiled:
    gap_us = feature.session_gap_us if feature.get(WINDOW) == SESSION else None
    return feature.alone(
        UniqueList(
            feature.state,
            feature.events,
            feature.property_name,
            feature.get(MOST) or _VALUES_BY_DEFAULT,
            feature.limits,
            gap_us,
        )
    )


KINDS: Final = (
    FeatureKind(
        PropertyName("unique_list"),
        takes=(OF, WHERE, UP_TO_NOW, TILE, MOST, ZONE, SHOWN_EXACT),
        reads=text,
        compile=_unique_list,
        presents=Kind.LIST,
    ),
)
