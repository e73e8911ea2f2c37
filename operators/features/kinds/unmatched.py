"""`unmatched`: what was begun and not finished, values of events with no later one of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments
from operators.features.calendar import Calendar
from operators.features.filters import EventFilter
from operators.features.kinds.definition import Definition
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import WHERE, EventTypes, PropertyName, types_of
from operators.features.kinds.window_options import TILE, UP_TO_NOW_BEYOND_SESSIONS, ZONE
from operators.features.properties import Property
from operators.features.shared_windows import COUNTS
from operators.features.tiling import Tiling
from operators.features.windows import NOT_COUNTED, BatchUpdate, Window
from operators.pages.journal import Journal
from operators.pages.table import set_keys, set_rows

_NEVER: Final = -1


@dataclass(frozen=True)
class Unmatched:
    """Each value of a property counts 1 while its newest event has no match: a cart, no purchase.

    An event of other types with the same value matches those of its own moment and before. The
    sets `name` and `name.by` hold for every (user, value) the newest event of both sides. What
    counts, counts in the tile or period of its newest event; without `tiles` all time is one.
    """

    name: str
    events: EventFilter
    by: EventFilter
    reads: str
    tiles: Tiling | Calendar | None

    @property
    def sets(self) -> tuple[str, str]:
        """The sets that it keeps in the table."""
        return self.name, f"{self.name}.by"

    def add(
        self, journal: Journal, update: BatchUpdate, window: Window, column: int, epochs: Ints
    ) -> None:
        table, arrivals = journal.table, update.arrivals
        codes = arrivals.texts[self.reads]
        counted = (epochs != NOT_COUNTED) & (codes >= 0)
        begun = self.events.among(arrivals, table.dictionary) & counted
        matching = self.by.among(arrivals, table.dictionary) & counted
        keys = np.unique(set_keys(arrivals.rows, codes)[begun | matching])
        if not len(keys):
            return
        before = [table.sets[name].get(keys, _NEVER) for name in self.sets]
        after = []
        for name, old_us, chosen in zip(self.sets, before, (begun, matching), strict=True):
            newest_us = old_us.copy()
            at = np.searchsorted(keys, set_keys(arrivals.rows[chosen], codes[chosen]))
            np.maximum.at(newest_us, at, arrivals.time_us[chosen])
            _put(journal, name, keys, newest_us, newest_us > old_us)
            after.append(newest_us)
        for (begun_us, matched_us), amount in ((before, -1), (after, 1)):
            of_keys = set_rows(keys)
            at_epochs = self._epochs(begun_us)
            counts = (begun_us > matched_us) & window.live(table, of_keys, at_epochs)
            window.add(table, column, of_keys[counts], at_epochs[counts], amount)

    def prune(self, journal: Journal, window: Window) -> None:
        for name in self.sets:
            keys, newest_us = journal.table.sets[name].items()
            live = window.live(journal.table, set_rows(keys), self._epochs(newest_us))
            journal.drop(name, ~live)

    def _epochs(self, moments: Moments) -> Ints:
        if self.tiles is None:
            return np.zeros(len(moments), np.int64)
        return self.tiles.tiles_of(moments)


def _put(journal: Journal, name: str, keys: Ints, values: Ints, changed: Mask) -> None:
    if np.any(changed):
        journal.table.sets[name].put(keys[changed], values[changed])
        journal.note(name, keys[changed], values[changed])


BY: Final = EventTypes("by", missing="expected the event types that match, such as purchase")
SAME: Final = PropertyName(
    "same", missing="expected the property that both events share, such as product_id"
)


def _same(feature: Definition) -> Property:
    return Property(feature.get(SAME) or "", number=False)


def _unmatched(feature: Compilation) -> Compiled:
    by = feature.of_types(types_of(feature.get(BY)))
    read = feature.property_name
    return feature.in_window(
        Unmatched(feature.state, feature.events, by, read, feature.tiles), COUNTS
    )


KINDS: Final = (
    FeatureKind(
        EventTypes("unmatched"),
        takes=(BY, SAME, WHERE, UP_TO_NOW_BEYOND_SESSIONS, TILE, ZONE),
        reads=_same,
        compile=_unmatched,
        empty=zero,
        counts=True,
    ),
)
