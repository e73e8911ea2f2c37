"""The profiles of a lane: all features of its users, brought forward by batches of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Mask, Moments, Rows
from operators.base.frame import Frame, meaning
from operators.events.batch import EventBatch
from operators.features import sessions
from operators.features.accumulators import SetAccumulator
from operators.features.arrivals import Arrivals, arrive
from operators.features.brought import BatchReader, Brought
from operators.features.catalog import Catalog
from operators.features.dedup import Dedup
from operators.features.derived import OVERFLOW, Exactly
from operators.features.lifetime import Forgotten, Lifetime
from operators.features.profile_layout import DUE, EVALUATED, NEWEST, layout_of, sets_of
from operators.features.tiling import FOREVER
from operators.features.watching import Watching
from operators.features.windows import BatchUpdate
from operators.pages.journal import Journal
from operators.pages.memory import Budget
from operators.pages.table import UserTable
from operators.rules.watched import Watched

_NOBODY: Final[Rows] = np.zeros(0, np.int64)
_COLUMNS: Final = "columns"  # of the head: by and for which columns users were evaluated


@dataclass(frozen=True)
class ProfileValues:
    """n users, each at a moment.

    `values` is float64[features, n] in the order of `Catalog.columns`, as `Frame.values` has
    it. `change_us` is int64[n]: when time alone next changes a feature, NEVER if it doesn't, as
    they are watched. Ages don't count where the rules are not known: they are the moment since
    which they run, and whoever compares them knows.
    """

    values: Floats
    change_us: Moments


@dataclass(frozen=True)
class Arrived:
    """What came of a batch: events to add, positions of late ones, and how many were repeats.

    `rows` are the users of the batch, each once, ascending, and `reached_us` the newest event of
    each with the batch. `waiting` are the positions of events that come after their user is
    forgotten; the first of them is reached.
    """

    arrivals: Arrivals
    late: Ints
    repeated: int
    rows: Rows
    reached_us: Moments
    waiting: Ints


class Profiles:
    """The users' rolling features.

    State: key one lane; layout as `layout` says; written only here; a row dies with its user,
    whom `lifetime` ends, or nothing if it is None. `watched` is what can change a verdict of
    the rules in force, None if they are not known here. What `beside` makes of batches is kept
    until it is taken. `budget` is of the memory of rows.
    """

    def __init__(
        self,
        catalog: Catalog,
        dedup_within_us: int | None = None,
        lifetime: Lifetime | None = None,
        watched: Watched | None = None,
        beside: BatchReader | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.catalog = catalog
        self._beside = beside
        self._brought: list[Brought] = []
        self.lifetime = lifetime
        # An id is not known for ever: what is so old that it may repeat an event is late.
        never_late = catalog.endless and dedup_within_us is None
        self._dedup = Dedup(dedup_within_us, FOREVER if never_late else catalog.retained, lifetime)
        layout = layout_of(catalog, beside.fields() if beside else ())
        self.table = UserTable(layout, sets_of(catalog), budget)
        self.journal = Journal(self.table)
        # Behind the features, rows for the parts that some are made of.
        parts = [part for made in catalog.derived.values() for part in made.parts]
        names = [*catalog.columns, *parts]
        self._at = {name: position for position, name in enumerate(names)}
        self._places = {
            shared.window: [self._at[member.name] for member in shared.members]
            for shared in catalog.windows
        }
        self._parts = {
            name: [self._at[part] for part in made.parts] for name, made in catalog.derived.items()
        }
        exact = (made for made in catalog.derived.values() if isinstance(made, Exactly))
        self._exact = [self._at[made.parts[0]] for made in exact]
        self._overflowed = 0
        self._asked = True  # whether some may be due where they were evaluated last
        self.watch(watched)

    def watch(self, watched: Watched | None, lead_us: int = 0) -> None:
        """Look from now on at what can change a verdict of other rules; None is at every change.

        Who is due by the rules of before, stays so. Ages and dates are looked at `lead_us` ahead.
        """
        self._watching = Watching(self.catalog, watched, lead_us)
        self._windows = [(shared, self._watching.of(shared)) for shared in self.catalog.windows]

    def lives(self, events: EventBatch, now_us: int) -> Iterator[Arrived]:
        """Cut a batch so that in each part nobody is forgotten and comes back.

        Whoever takes a part brings the profiles forward by it, forgets who is due by `now_us`
        or by the part's own events, and commits, before the next.
        """
        while True:
            arrived = self.arrive(events, now_us)
            yield arrived
            if not len(arrived.waiting):
                return
            events = events.where(np.isin(events.source, arrived.waiting))

    def arrive(self, events: EventBatch, now_us: int = NEVER) -> Arrived:
        """Group events by user, without those that repeat others, are late, or have to wait.

        A user who is not known gets a row. Users are forgotten until `now_us`, or by the times
        of their own events alone.
        """
        arrivals = arrive(self.table, events)
        before_us = self.table.cells(NEWEST).take_one(arrivals.touched)
        refused = self._dedup.refused(self.journal, arrivals, before_us, now_us)
        dropped, waiting = refused.any, refused.waiting
        kept = arrivals.where(~dropped) if np.any(dropped) else arrivals
        # The first that waits of each user will be taken, whatever becomes of the others.
        before = arrivals.previous(waiting.astype(np.int64), np.zeros_like(arrivals.touched))
        reaching = ~dropped | (waiting & (before == 0))
        reached_us = before_us.copy()
        np.maximum.at(reached_us, arrivals.group[reaching], arrivals.time_us[reaching])
        return Arrived(
            kept,
            arrivals.source[refused.late],
            int(np.count_nonzero(refused.repeated)),
            arrivals.touched,
            reached_us,
            arrivals.source[waiting],
        )

    def add(self, arrivals: Arrivals) -> None:
        """Bring the profiles forward by these events."""
        table = self.table
        newest = table.cells(NEWEST)
        before_us = newest.take_one(arrivals.touched)
        newest.fold(np.maximum, arrivals.rows, arrivals.time_us)
        gap_us = self.catalog.session_gap_us
        update = BatchUpdate(
            arrivals,
            sessions.fold(table, arrivals, gap_us) if self.catalog.uses_sessions else None,
            before_us,
            newest.take_one(arrivals.touched),
        )
        for shared in self.catalog.windows:
            shared.window.turn(table, update)
            epochs = shared.window.epochs(table, update)
            for member in shared.members:
                member.accumulator.add(self.journal, update, shared.window, member.column, epochs)
        for feature in self.catalog.alone.values():
            feature.add(table, update)
        if self._beside:
            self._brought.append(self._beside.add(table, update))

    def take_brought(self) -> Brought | None:
        """What batches brought beside features since this was asked, None if nothing."""
        brought, self._brought = [each for each in self._brought if each], []
        return Brought.together(brought) if brought else None

    def enroll(self, people: EventBatch) -> Rows:
        """Take records of a roster: users, known from now on, and their traits; gives their rows.

        They are no events: no window, session or age has them, and nobody's time goes on by them.
        """
        arrivals = arrive(self.table, people)
        self.journal.begin(arrivals.touched)
        for feature in self.catalog.of_traits:
            feature.add_traits(self.table, arrivals)
        return arrivals.touched

    def evaluate(self, rows: Rows, now_us: Moments) -> ProfileValues:
        """All features of some users, each at a moment of its own, and when they change."""
        catalog, table = self.catalog, self.table
        values = np.empty((len(self._at), len(rows)))
        change_us = np.full(len(rows), NEVER)
        for shared, watches in self._windows:
            at = self._places[shared.window]
            values[at], next_us = shared.window.look(table, rows, now_us, watches)
            _bring_forward(change_us, next_us)
        for name, feature in catalog.alone.items():
            values[self._at[name]], next_us = feature.look(table, rows, now_us)
            _bring_forward(change_us, next_us if name in self._watching else None)
        if self._exact:
            self._overflowed += np.count_nonzero(values[self._exact] == OVERFLOW)
        for name, made in catalog.derived.items():
            values[self._at[name]], next_us = made.of(values[self._parts[name]], now_us)
            _bring_forward(change_us, next_us if name in self._watching else None)
        if self._watching.sessions:
            _bring_forward(change_us, self._end_of_sessions(rows, now_us))
        values = values[: len(catalog.columns)]
        if (clock := self._watching.clock) is not None:
            frame = Frame(catalog.columns, values, now_us, table.dictionary)
            _bring_forward(change_us, clock.next_us(frame))
        return ProfileValues(values, change_us)

    def take_overflowed(self) -> int:
        """How many values of exact windows had too many events for that since this was asked."""
        overflowed, self._overflowed = self._overflowed, 0
        return overflowed

    def told_apart(self, rows: Rows, before_us: Moments, now_us: Moments, values: Floats) -> Mask:
        """Whom rules can tell, by these values of now, from how they were, bool[rows].

        No event of theirs has come since. An age or a date counts when its moment has come.
        """
        if (clock := self._watching.clock) is None:
            return np.ones(len(rows), np.bool_)
        before = self.evaluate(rows, before_us).values
        frame = Frame(self.catalog.columns, before, before_us, self.table.dictionary)
        apart: Mask = self._watching.tells_apart(before, values) | (clock.next_us(frame) <= now_us)
        return apart

    def over_us(self, rows: Rows) -> Moments:
        """When some users will be forgotten, int64[rows]; NEVER if nobody is.

        Nor is anybody of whom there is no event, but a record of a roster.
        """
        if self.lifetime is None:
            return np.full(len(rows), NEVER)
        newest_us = self.table.cells(NEWEST).take_one(rows)
        return np.where(newest_us < 0, NEVER, self.lifetime.over_us(newest_us))

    def due(self, until_us: int) -> Rows:
        """Who is to be evaluated by a moment, ascending."""
        return (self.table.column(DUE) <= until_us).nonzero()[0]

    def next_due_us(self) -> int:
        """When the first user is to be evaluated; NEVER if none is."""
        return int(self.table.column(DUE).min(initial=NEVER))

    def forgotten(self, rows: Rows, at_us: Moments) -> Forgotten:
        """Users as those whose life is over at these moments, int64[rows]."""
        return Forgotten(rows, at_us, str(self.lifetime) if len(rows) else "")

    def expect_ends(self) -> None:
        """Let everyone be due by the end of their life: state may be from another lifetime."""
        due = self.table.cells(DUE)
        for rows in self.table.parts():
            due.put_one(rows, np.minimum(due.take_one(rows), self.over_us(rows)))

    def expect_columns(self, models: Iterable[str] = ()) -> None:
        """Let everyone be due at once if what is kept was evaluated by other columns.

        So whoever judges by these features gets all of them anew, and so do cluster models which
        were not there; `models` are the labels of all.
        """
        asked = crc32(" ".join(sorted(models)).encode(), meaning(self.catalog.columns))
        if self.journal.renew(_COLUMNS, asked):
            self.expect_everyone()

    def expect_everyone(self) -> None:
        """Let everyone be due at once, where they were evaluated last.

        By the event clock a roster's people are not evaluated before they do something.
        """
        self._asked = True
        due, evaluated = self.table.cells(DUE), self.table.cells(EVALUATED)
        newest = self.table.cells(NEWEST)
        for rows in self.table.parts():
            evaluated_us = evaluated.take_one(rows)
            known = (evaluated_us >= 0) | (newest.take_one(rows) >= 0)
            asked_us = np.where(known, np.maximum(evaluated_us, 0), NEVER)
            due.put_one(rows, np.minimum(due.take_one(rows), asked_us))

    def take_asked(self) -> Rows:
        """Who is due where they were evaluated last, ascending: see `expect_everyone`.

        Whoever asks evaluates them, so that there are none after it.
        """
        if not self._asked:
            return _NOBODY
        self._asked = False
        due, evaluated = self.table.cells(DUE), self.table.cells(EVALUATED)
        parts = self.table.parts()
        asked = [rows[due.take_one(rows) <= evaluated.take_one(rows)] for rows in parts]
        return np.concatenate([_NOBODY, *asked])

    def prune(self) -> None:
        """Drop what counts no more; only before the journal is compacted."""
        for shared in self.catalog.windows:
            for member in shared.members:
                if isinstance(member.accumulator, SetAccumulator):
                    member.accumulator.prune(self.journal, shared.window)
        newest_us = self.table.cells(NEWEST).take_one(np.arange(self.table.extent))
        self._dedup.prune(self.journal, newest_us)

    def _end_of_sessions(self, rows: Rows, now_us: Moments) -> Moments:
        """When the sessions that users are in are over, NEVER for whom is in none."""
        gap_us = self.catalog.session_gap_us
        current = sessions.active(self.table, rows, now_us, gap_us)
        return np.where(current, sessions.over_us(self.table, rows, gap_us), NEVER)


def _bring_forward(change_us: Moments, next_us: Moments | None) -> None:
    if next_us is not None:
        np.minimum(change_us, next_us, out=change_us)
