"""A lane of Profile and Assign without Flink, from bytes to bytes, as their shells use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec
import numpy as np

from operators.base.arrays import NEVER, Rows
from operators.base.durations import US_PER_UNIT
from operators.clustering.learning.learner import Learner
from operators.clustering.learning.sample import encode as encode_update
from operators.clustering.learning.sample import read as read_update
from operators.clustering.learning.sampler import Sampler
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.contracts.records import encode
from operators.contracts.wire import Evaluations, pack, read, unpack
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.catalog import NOTHING_BESIDE, Catalog
from operators.features.clocks import WALL_LEAD_US, Step, WallClock
from operators.features.event_clock import EventClock
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from operators.membership.account import Account
from operators.membership.clusterings import with_clusters
from operators.membership.collected import Collected
from operators.membership.criteria import Criteria
from operators.membership.members import Members
from operators.membership.verdicts import Verdicts
from operators.outcomes.delta import encode as encode_delta
from operators.outcomes.outcomes import Outcomes, read_beside
from operators.outcomes.sessions import SessionReader
from operators.outcomes.settling import Accounts
from operators.outcomes.spec import OutcomesSpec, with_names
from operators.pages.journal import Journal
from operators.pages.memory import Budget
from operators.rules.checking import check
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from operators.rules.watched import Watched
from tests.benchmarks.workloads.workload import Workload

Events = Sequence[tuple[bytes, bytes]]  # key and value
PARTS: Final = ("profile", "learn", "judge", "publish", "measure")
NOTED: Final = 4_096  # sessions and conversions that wait before they are settled
NOBODY: Final[Rows] = np.zeros(0, np.int64)

_STEP_US: Final = US_PER_UNIT["m"]
_Result = TypeVar("_Result")


class Lane:
    """One of `lanes` lanes; those of one job may share a learner.

    It counts events, judgements, users who changed, and operations on Flink's state. By the wall
    clock users are evaluated at moments that are handed in, else at those of their events.
    """

    def __init__(
        self,
        workload: Workload,
        *,
        wall: bool,
        lanes: int = 1,
        learner: Learner | None = None,
        budget: Budget | None = None,
    ) -> None:
        events = EventsSpec(session="session_id")
        specs = {
            name: msgspec.convert(spec, FeatureSpec) for name, spec in workload.features.items()
        }
        segments = {
            name: msgspec.convert(spec, SegmentSpec) for name, spec in workload.segments.items()
        }
        models = {
            name: msgspec.convert(spec, ClusterSpec) for name, spec in workload.clusters.items()
        }
        measured = workload.outcomes and msgspec.convert(
            with_names({"outcomes": workload.outcomes}, [])["outcomes"], OutcomesSpec
        )
        beside = read_beside(measured) if measured else NOTHING_BESIDE
        catalog = Catalog.compile(specs, events.session_gap_us, beside)
        columns = catalog.columns
        rulebook = Rulebook.compile(
            segments, with_clusters(columns, {}), step_us=_STEP_US, version=1
        )
        self._decoder = EventDecoder(
            events, catalog.event_types, catalog.numbers, catalog.texts, keyed=True
        )
        outcomes = Outcomes.of(measured) if measured else None
        reader = SessionReader(outcomes, catalog.event_types) if outcomes else None
        self.profiles = Profiles(catalog, events.dedup_within_us, beside=reader, budget=budget)
        accounts = outcomes and Accounts(outcomes, [(x, "1") for x in rulebook.names], [])
        criteria = Criteria(columns, rulebook, (), 1 if wall else _STEP_US)
        self.members = Members(criteria, accounts, budget)
        self._wall = WallClock() if wall else None
        self._own = EventClock(_STEP_US)
        spaces = {name: Space.of(spec.features, columns) for name, spec in models.items()}
        self._sampler = Sampler(columns, spaces, lanes)
        models_read = {each.feature for space in spaces.values() for each in space.dimensions}
        watched = Watched.of(check(segments, columns)[0], columns, models_read)
        self.profiles.watch(watched, WALL_LEAD_US if wall else 0)
        if learner is None and models:
            learner = Learner(next(iter(models.values())), columns, seed=1)
        self.learner = learner
        self.events = self.judged = self.changed = self.state_operations = 0

    def feed(self, events: Events, now_us: int) -> None:
        """A batch of events, none of which is later than `now_us`."""
        keys, values = [key for key, _ in events], [value for _, value in events]
        decoded = self.timed("profile", lambda: self._decoder.decode(keys, values, now_us))
        for arrived in self.profiles.lives(decoded.events, now_us if self._wall else NEVER):
            if self._wall:
                step = partial(self._wall.step, self.profiles, arrived.arrivals, now_us)
                self._go([self.timed("profile", step)])
            else:
                self._go(self._own.steps(self.profiles, arrived))
        self.events += len(events)

    def pass_time(self, now_us: int) -> None:
        """By the wall clock: evaluate and judge whom time alone has changed."""
        assert self._wall is not None
        if self.profiles.next_due_us() <= now_us:
            self._go([self._wall.step(self.profiles, None, now_us)])
        if self.members.next_due_us() <= now_us:
            self._judge(Evaluations(now_us, None, []))

    def next_due_us(self) -> int:
        """When time alone is to be looked at; NEVER if it can change nothing."""
        return min(self.profiles.next_due_us(), self.members.next_due_us())

    def timed(self, part: str, work: Callable[[], _Result]) -> _Result:
        """Do a part of the work, one of `PARTS`."""
        return work()

    def _go(self, steps: Iterable[Step]) -> None:
        given = iter(steps)
        while (step := self.timed("profile", lambda: next(given, None))) is not None:
            self._pass_on(step)
        self.timed("profile", lambda: self._commit(self.profiles.journal))

    def _pass_on(self, step: Step) -> None:
        brought = self.profiles.take_brought()
        if not (step or brought):
            return
        self.timed("learn", lambda: self._learn(step))
        message = self.timed("profile", lambda: pack(self.profiles, step, 0, brought))
        table, coded = self.members.table, self.members.coded
        self._judge(self.timed("judge", lambda: unpack(read(message), table, coded)))

    def _learn(self, step: Step) -> None:
        for _, update in self._sampler.updates(self.profiles.table, step):
            if self.learner is not None:
                self.learner.learn(read_update(encode_update(update)))
                self.learner.publish()

    def _judge(self, evaluations: Evaluations) -> None:
        members, brought = self.members, evaluations.brought
        account = members.account
        collected = Collected(lambda: 0, 0, account)
        if account:
            account.open(brought, now=isinstance(evaluations.time, int))
        others = brought.rows if brought else NOBODY
        given = members.judge(
            evaluations.rounds, {}, evaluations.time, evaluations.forgotten, others
        )
        while (verdicts := self.timed("judge", lambda: next(given, None))) is not None:
            self.timed("publish", partial(self._publish, collected, verdicts))
        self.timed("measure", collected.close)
        self.judged += collected.judged
        self.timed("judge", lambda: self._commit(members.journal))
        if account:
            account.take_note()
            if account.waiting >= NOTED:
                self.timed("measure", lambda: self._settle(account))

    def _settle(self, account: Account) -> None:
        """As Assign does it."""
        self.members.journal.begin(account.rows)
        if delta := account.settle():
            encode_delta(delta)
        self._commit(self.members.journal)

    def _publish(self, collected: Collected, verdicts: Verdicts) -> None:
        collected.add(self.members, verdicts)
        self.changed += len(verdicts.changed)
        for record in (*collected.transitions, *collected.assignments.values()):
            encode(record)
        collected.transitions.clear()
        collected.assignments.clear()

    def _commit(self, journal: Journal) -> None:
        """What `LaneState` does to Flink's state after a batch, but the writing."""
        self.state_operations += (journal.first_head() is not None) + 1
        journal.commit()
        if journal.due():
            self.state_operations += len(dict(journal.compact().pages)) + 2
            journal.table.pass_by(journal.table.rows())
