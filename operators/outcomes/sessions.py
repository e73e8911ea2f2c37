"""Profile's part: what batches bring of sessions, conversions, activity and strata, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments
from operators.base.runs import begins
from operators.features.arrivals import Arrivals
from operators.features.brought import Brought
from operators.features.sessions import OUTSIDE, EventSessions
from operators.features.windows import BatchUpdate
from operators.outcomes.outcomes import BOUNCES, MICRO, PAGES, SECONDS, SESSIONS, STEPS, Outcomes
from operators.outcomes.periods import days
from operators.pages.layout import Field
from operators.pages.table import UserTable

# The columns of the tables behind the rows of users. `POSITION` is the user's newest event so far,
# which says how far they had come by the event clock.
POSITION, OPENED, MEASURES = 1, 2, 3  # of sessions: opened at a moment, or 0; then what they add
TIME, OUTCOME, VALUE = 2, 3, 4  # of conversions, behind the position
# Of activity: the first event of a day, or of a stratum; and the user's stratum so far.
ACTIVE, STRATUM = 1, 2

_LARGEST: Final = 2.0**52  # millionths of an event's value: an absurd one must not drown all else
_NEVER: Final = -1

_LAST, _PAGES, _STEP, _CONVERTED, _DAY, _STRATUM = (
    *("outcomes.last_us", "outcomes.pages", "outcomes.step", "outcomes.converted"),
    *("outcomes.day", "outcomes.stratum"),
)


class SessionReader:
    """Reads batches for outcomes.

    State in a user's row, as long as the user: of the current session its last event, pages, steps
    of the funnel, outcomes with a conversion as bits; the newest day with an event; the stratum.
    """

    def __init__(self, outcomes: Outcomes, known_types: Sequence[str]) -> None:
        self._outcomes = outcomes
        self._filters = outcomes.filters(known_types)
        self._page = outcomes.page(known_types)
        self._funnel = outcomes.funnel(known_types)

    def fields(self) -> tuple[Field, ...]:
        """What it keeps of a user."""
        labels = (self._outcomes.identity,)
        names = (_LAST, _PAGES, _STEP, _CONVERTED)
        kept = (Field(name, "i8", labels=labels) for name in names)
        once = (Field(name, "i8", initial=_NEVER, labels=labels) for name in (_DAY, _STRATUM))
        return *kept, *once

    def add(self, table: UserTable, update: BatchUpdate) -> Brought:
        """What a batch brings."""
        arrivals, sessions = update.arrivals, update.sessions
        assert sessions is not None  # whoever has outcomes has sessions carried on
        newest_us = arrivals.newest_us(update.before_us)
        hits = self._hits(arrivals, table)
        values = self._values(arrivals, hits)
        outcome, at = np.nonzero(hits)
        order = np.argsort(at, kind="stable")
        outcome, at = outcome[order], at[order]
        return Brought(
            self._sessions(table, arrivals, sessions, newest_us, hits, values),
            np.stack(
                [
                    *(arrivals.rows[at], newest_us[at], arrivals.time_us[at]),
                    *(outcome, values[outcome, at]),
                ]
            ),
            self._activity(table, arrivals),
        )

    def _hits(self, arrivals: Arrivals, table: UserTable) -> Mask:
        """Which events are which outcome, bool[k, n]."""
        found = [each.among(arrivals, table.dictionary) for each in self._filters]
        return np.array(found, np.bool_).reshape(len(found), len(arrivals))

    def _values(self, arrivals: Arrivals, hits: Mask) -> Ints:
        """The values of events in millionths, int64[k, n]; 0 where there is none."""
        values = np.zeros(hits.shape, np.int64)
        for row, name, hit in zip(values, self._outcomes.values, hits, strict=True):
            if name is not None and np.any(hit):
                numbers = arrivals.numbers[name][hit]
                micro = np.clip(np.nan_to_num(numbers) * MICRO, -_LARGEST, _LARGEST)
                row[hit] = np.rint(micro).astype(np.int64)
        return values

    def _sessions(
        self,
        table: UserTable,
        arrivals: Arrivals,
        sessions: EventSessions,
        newest_us: Moments,
        hits: Mask,
        values: Ints,
    ) -> Ints:
        """What the events in sessions add to them, a column for each session of each user."""
        inside = np.flatnonzero(sessions.number != OUTSIDE)
        rows, opened = arrivals.rows[inside], sessions.opened[inside]
        starts = np.flatnonzero(begins(rows) | opened)
        found = np.zeros((MEASURES + self._outcomes.session_width, len(starts)), np.int64)
        if not len(starts):
            return found
        users, new = rows[starts], opened[starts]
        times_us = arrivals.time_us[inside]
        before = _Before(table, users, new)
        last_us = np.maximum.reduceat(times_us, starts)
        # A session that began before there were outcomes counts from here on.
        base_us = np.where(before.last_us == 0, times_us[starts], before.last_us)
        last_us = np.maximum(last_us, base_us)
        of_pages = self._page.among(arrivals, table.dictionary)[inside]
        pages = before.pages + np.add.reduceat(of_pages.astype(np.int64), starts)
        converted = np.logical_or.reduceat(hits[:, inside], starts, axis=1)
        bits = (converted << np.arange(len(converted))[:, None]).sum(axis=0)
        steps = self._steps(table, arrivals, inside, starts, before.step)
        measures, k, length = found[MEASURES:], len(converted), len(self._funnel)
        found[0], found[POSITION] = users, newest_us[inside][starts]
        found[OPENED] = np.where(new, times_us[starts], 0)
        measures[SESSIONS] = new
        measures[SECONDS] = last_us - base_us
        measures[PAGES] = pages - before.pages
        measures[BOUNCES] = (pages == 1).astype(np.int64) - (before.pages == 1)
        numbers = np.arange(length)[:, None]
        measures[STEPS : STEPS + length] = (steps > numbers) & (before.step <= numbers)
        known = before.converted >> np.arange(k)[:, None] & 1
        measures[STEPS + length : STEPS + length + k] = converted & (known == 0)
        measures[STEPS + length + k :] = np.add.reduceat(values[:, inside], starts, axis=1)
        newest = (last_us, pages, steps, before.converted | bits)
        for name, numbers in zip((_LAST, _PAGES, _STEP, _CONVERTED), newest, strict=True):
            table.cells(name).put_one(users, numbers)  # of one user's the last stays
        return found

    def _steps(
        self, table: UserTable, arrivals: Arrivals, inside: Ints, starts: Ints, before: Ints
    ) -> Ints:
        """How many steps of the funnel sessions have come to, which were so far before."""
        steps, at, ends = before.copy(), starts.copy(), np.append(starts[1:], len(inside))
        for number, step in enumerate(self._funnel):
            taken = np.flatnonzero(step.among(arrivals, table.dictionary)[inside])
            if not len(taken):
                continue
            following = np.append(taken, len(inside))[np.searchsorted(taken, at)]
            moved = (steps == number) & (following < ends)
            steps[moved] += 1
            at[moved] = following[moved] + 1
        return steps

    def _activity(self, table: UserTable, arrivals: Arrivals) -> Ints:
        """The events by which a day is another than before, or the user's stratum is known."""
        day = days(arrivals.time_us)
        cells = table.cells(_DAY)
        known = cells.take_one(arrivals.touched)
        fresh = day != arrivals.previous(day, known)
        cells.put_one(arrivals.touched, arrivals.running_max(day, known)[arrivals.last])
        strata = self._strata(table, arrivals)
        before = table.cells(_STRATUM).take_one(arrivals.touched)
        fresh |= strata != arrivals.previous(strata, before)
        table.cells(_STRATUM).put_one(arrivals.touched, strata[arrivals.last])
        at = np.flatnonzero(fresh)
        return np.stack([arrivals.rows[at], arrivals.time_us[at], strata[at]])

    def _strata(self, table: UserTable, arrivals: Arrivals) -> Ints:
        """The stratum of the user at each event: it stays as it is once it is known."""
        known = table.cells(_STRATUM).take_one(arrivals.touched)[arrivals.group]
        for name in self._outcomes.spec.strata:
            codes = arrivals.texts[name]
            listed = table.codes_of(self._outcomes.strata)
            own, of = np.nonzero(codes[:, None] == listed)
            found = np.full(len(codes), _NEVER)
            found[own] = of
            first = np.where(found >= 0, np.arange(len(codes)), len(codes))
            first = np.minimum.reduceat(first, arrivals.starts)[arrivals.group]
            there = (known < 0) & (first <= np.arange(len(codes)))
            known[there] = found[first[there]]
        return known


class _Before:
    """How far the sessions of some columns had come; one that is `new` begins, others go on."""

    def __init__(self, table: UserTable, users: Ints, new: Mask) -> None:
        def kept(name: str) -> Ints:
            return np.where(new, 0, table.cells(name).take_one(users))

        self.last_us, self.pages, self.step = kept(_LAST), kept(_PAGES), kept(_STEP)
        self.converted = kept(_CONVERTED)
