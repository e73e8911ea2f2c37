"""A batch of events made ready for profiles: grouped by user, each user's in arrival order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints, Mask, Moments, Rows
from operators.base.runs import begins
from operators.events.batch import EventBatch
from operators.features.tiling import Tiling
from operators.pages.table import UserTable


@dataclass(frozen=True)
class Arrivals:
    """n events sorted by row, stably: within a row they stand as they arrived.

    `touched` are the rows, each once, ascending; `group` int64[n] is each event's position in
    them, and `starts` the first event of each. `source` leads back to the raw records.
    `session` holds dictionary codes, -1 for none; so do the `texts` and the `ids` of the events.
    `taken_back` has of properties that are null where that takes them back, bool[n].
    """

    rows: Rows
    time_us: Moments
    type: Ints
    session: Ints | None
    numbers: Mapping[str, Floats]
    texts: Mapping[str, Ints]
    ids: Ints | None
    source: Ints
    touched: Rows
    group: Ints
    starts: Ints
    taken_back: Mapping[str, Mask]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def last(self) -> Ints:
        """The last event of each group."""
        return np.append(self.starts[1:], len(self.rows)) - 1

    def previous(self, values: Ints, before: Ints) -> Ints:
        """The value of the event before each, `before` by group for a group's first."""
        previous = np.empty(len(self), np.int64)
        previous[1:] = values[:-1]
        previous[self.starts] = before
        return previous

    def newest_us(self, before_us: Moments) -> Moments:
        """The newest time of the user up to and including each event, int64[n].

        `before_us` is the newest time before the batch, by group.
        """
        if not np.any(self.time_us < self.previous(self.time_us, before_us)):
            return self.time_us
        return self.running_max(self.time_us, before_us)

    def running_max(self, values: Ints, before: Ints) -> Ints:
        """The largest value of the user up to and including each event, int64[n].

        `before` is the largest before the batch, by group.
        """
        # It starts anew with each group: the groups are put on top of each other by ranks,
        # which stay small where the values would overflow.
        distinct, ranks = np.unique(values, return_inverse=True)
        lifted = np.maximum.accumulate(ranks + self.group * len(distinct))
        running: Ints = np.maximum(
            distinct[lifted - self.group * len(distinct)], before[self.group]
        )
        return running

    def where(self, kept: Mask | Ints) -> Arrivals:
        """Only some of the events."""
        return group_by_row(
            rows=self.rows[kept],
            time_us=self.time_us[kept],
            type_=self.type[kept],
            session=None if self.session is None else self.session[kept],
            numbers={name: values[kept] for name, values in self.numbers.items()},
            texts={name: codes[kept] for name, codes in self.texts.items()},
            ids=None if self.ids is None else self.ids[kept],
            source=self.source[kept],
            taken_back={name: nulls[kept] for name, nulls in self.taken_back.items()},
        )


def arrive(table: UserTable, events: EventBatch) -> Arrivals:
    """Give every event its user's row (a new one to a new user) and group the events by it."""
    rows = table.rows_of(events.users)
    order = np.argsort(rows, kind="stable")
    session = None if events.session is None else table.codes_of(events.session)[order]
    ids = None if events.ids is None else table.codes_of(events.ids)[order]
    return group_by_row(
        rows=rows[order],
        time_us=events.time_us[order],
        type_=events.type[order],
        session=session,
        numbers={name: values[order] for name, values in events.numbers.items()},
        texts={name: table.codes_of(values)[order] for name, values in events.texts.items()},
        ids=ids,
        source=events.source[order],
        taken_back={name: nulls[order] for name, nulls in events.taken_back.items()},
    )


def group_by_row(  # noqa: PLR0913 - the columns of a batch
    *,
    rows: Rows,
    time_us: Moments,
    type_: Ints,
    session: Ints | None,
    numbers: Mapping[str, Floats],
    texts: Mapping[str, Ints],
    ids: Ints | None,
    source: Ints,
    taken_back: Mapping[str, Mask],
) -> Arrivals:
    """Arrivals of columns that are sorted by row."""
    first = begins(rows)
    starts = np.flatnonzero(first)
    return Arrivals(
        rows=rows,
        time_us=time_us,
        type=type_,
        session=session,
        numbers=numbers,
        texts=texts,
        ids=ids,
        source=source,
        touched=rows[starts],
        group=np.cumsum(first) - 1,
        starts=starts,
        taken_back=taken_back,
    )


def late(arrivals: Arrivals, before_us: Moments, retained: Tiling) -> NDArray[np.bool_]:
    """Which events are older than the tiles that are retained for their user.

    Late is judged against the user's own newest event, in arrival order.
    """
    newest_us = arrivals.newest_us(before_us)
    if newest_us is arrivals.time_us:
        return np.zeros(len(arrivals), np.bool_)
    past: Mask = retained.is_past(arrivals.time_us, newest_us)
    return past
