"""Purchases from the files that a configuration reads its events from."""

from __future__ import annotations

from itertools import islice
from typing import Final

import numpy as np

from flink_job.config.model import FileSource
from flink_job.inspection.wanted import Wanted
from flink_job.lifetime_value.purchases import Purchases
from flink_job.staging.files import expanded
from flink_job.staging.reading import read
from flink_job.staging.sought import Sought
from operators.base.arrays import Floats, Ints, Mask
from operators.base.errors import UsageError
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.arrivals import arrive
from operators.features.filters import EventFilter
from operators.features.kinds.options import types_of
from operators.outcomes.periods import days
from operators.outcomes.spec import OutcomeSpec
from operators.pages.layout import Layout
from operators.pages.table import UserTable

_CHUNK: Final = 10_000  # records decoded together


def purchases_of(
    source: FileSource, events: EventsSpec, outcome: OutcomeSpec, latest_us: int
) -> Purchases:
    """All events that are the outcome, each id of a user's once; later than `latest_us` is none.

    Raises:
        UsageError: a file can't be read, or nobody has bought anything.
    """
    found = _Reading(events, outcome, latest_us)
    wanted = found.wanted
    records = (
        record
        for path in expanded(source.paths)
        for record in read(path, source, sought=Sought.of(wanted))
    )
    while chunk := list(islice(records, _CHUNK)):
        found.add(chunk)
    if not found.who:
        raise UsageError(f"source.files: {', '.join(source.paths)}: nobody has bought anything")
    return found.purchases()


class _Reading:
    """Reads events as the job does, and keeps those that are the outcome."""

    def __init__(self, events: EventsSpec, outcome: OutcomeSpec, latest_us: int) -> None:
        named = types_of(outcome.event)
        self._filter = EventFilter.of(named, named or (), outcome.where)
        condition = self._filter.where
        numbers = frozenset() if outcome.value is None else frozenset({outcome.value})
        texts = frozenset[str]()
        if condition is not None:
            numbers, texts = numbers | condition.numbers, condition.texts
        self.wanted = Wanted(events, dict.fromkeys(named or (), "outcomes"), numbers, texts)
        self._decoder = EventDecoder(events, list(named or ()), numbers, texts, keyed=False)
        self._value, self._latest_us = outcome.value, latest_us
        self._table, self._seen = UserTable(Layout(())), set[tuple[int, int]]()
        self._end_us = 0
        self.who: list[Ints] = []
        self._day: list[Ints] = []
        self._amount: list[Floats] = []

    def add(self, records: list[bytes]) -> None:
        """Take the next records."""
        events = self._decoder.decode((), records, self._latest_us).events
        if not len(events):
            return
        arrivals = arrive(self._table, events)
        self._end_us = max(self._end_us, int(arrivals.time_us.max()))
        chosen = self._filter.among(arrivals, self._table.dictionary)
        if arrivals.ids is not None:
            chosen = self._once(chosen, arrivals.rows, arrivals.ids)
        if not np.any(chosen):
            return
        value = np.zeros(len(arrivals)) if self._value is None else arrivals.numbers[self._value]
        self.who.append(arrivals.rows[chosen])
        self._day.append(days(arrivals.time_us[chosen]))
        self._amount.append(np.nan_to_num(value[chosen]))

    def purchases(self) -> Purchases:
        """All of them."""
        return Purchases(
            self._table.users,
            np.concatenate(self.who),
            np.concatenate(self._day),
            np.concatenate(self._amount),
            int(days(np.array([self._end_us]))[0]),
        )

    def _once(self, chosen: Mask, rows: Ints, ids: Ints) -> Mask:
        """Those of the chosen events that come for the first time by their ids, bool[n]."""
        found = chosen.copy()
        for at in np.flatnonzero(chosen & (ids >= 0)).tolist():
            pair = int(rows[at]), int(ids[at])
            found[at] = pair not in self._seen
            self._seen.add(pair)
        return found
