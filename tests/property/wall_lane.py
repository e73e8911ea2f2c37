"""One lane by the wall clock without Flink: Profile, the messages for Assign, and Assign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec
import numpy as np

from operators.base.arrays import Rows
from operators.contracts.control.messages import Message, Preview, Segments, Started
from operators.contracts.control.passage import JobRules, KnownRules, Passage
from operators.contracts.records import Counts, Transition
from operators.contracts.wire import Evaluations, Packed, encode, pack, read, read_message, unpack
from operators.features.catalog import Catalog
from operators.features.clocks import Step, WallClock
from operators.features.profiles import Profiles
from operators.membership.clusterings import with_clusters
from operators.membership.collected import Collected
from operators.membership.criteria import Criteria
from operators.membership.lane import Lane, LaneRules
from operators.membership.members import Members
from operators.outcomes.delta import encode as encode_delta
from operators.rules.checking import check
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from operators.rules.watched import Watched
from operators.settings import Settings
from tests.oracle import SECOND, Event
from tests.property.feeding import batch_of
from tests.property.pipeline import EveryChange, settled

MINUTE = 60 * SECOND
_NOTHING: tuple[Rows, list[Message]] = np.zeros(0, np.int64), []


@dataclass(frozen=True)
class Course:
    """How a lane runs: whether sessions have ids, and how a look at everyone goes.

    `most` users are looked at in a step, after each of which `pause_us` pass; whoever is due
    meanwhile makes that no shorter. At a full second Profile's timer comes before Assign's, or
    after it if it is `tardy`.
    """

    by_id: bool = False
    most: int = 1_000
    pause_us: int = 0
    tardy: bool = False


class WallLane:
    """A lane with its state, from events, messages and the clock to transitions.

    With `every` it looks at every change; with `measured` it has outcomes.
    """

    def __init__(
        self,
        catalog: Catalog,
        segments: Segments,
        now_us: int,
        course: Course,
        *,
        every: bool = False,
        measured: Settings | None = None,
    ) -> None:
        self.measured = measured
        self.deltas: list[bytes] = []
        self.notes: list[bytes] = []
        self.transitions: list[Transition] = []
        self.answers: list[Mapping[str, Counts]] = []
        self.evaluations = self.judgements = 0
        self.now_us = now_us
        self._pauses = False
        self._catalog, self._course = catalog, course
        self._kind = EveryChange if every else Profiles
        self._version = count(1)
        self._wall = WallClock()
        self.profiles = self._profiles()
        self._open(segments, None)
        self.judged = Lane(LaneRules(segments), self._members, lambda: next(self._version))

    def feed(self, events: Sequence[Event]) -> None:
        """A batch of events comes now."""
        batch = batch_of(self._catalog, list(events), self._course.by_id)
        for arrived in self.profiles.lives(batch, self.now_us):
            self._go(self._wall.step(self.profiles, arrived.arrivals, self.now_us))

    def tell(self, message: Message) -> None:
        """A message of Steer comes now, and the clock goes on until Assign has it."""
        self.passage.take(message)
        self._profile()
        while self.passage.waits:
            self._pauses = True
            self.wait(self.now_us + self._course.pause_us)
            self._pauses = False
            self._profile()

    def wait(self, until_us: int) -> None:
        """Let time pass: both operators wake at full seconds when somebody is due."""
        while (at_us := -(-self._due_us() // SECOND) * SECOND) <= until_us:
            self.now_us = max(at_us, self.now_us)
            for wake in (self._assign, self._profile) if self._course.tardy else self._both:
                wake()
        self.now_us = max(until_us, self.now_us)

    def settle(self) -> None:
        """All that is noted of outcomes is settled, by the notes that state has."""
        self.deltas += settled(self.judged, self.notes)

    def wake(self) -> None:
        """Profile's timer: who is due, and the next step of a look."""
        self._profile()

    def restart(self, newest: Segments, *, known: bool = True) -> None:
        """Go on from the state; `newest` may have been applied while the job was away.

        State of before has nothing `known`.
        """
        kept = self.judged.rules
        of_rules = msgspec.msgpack.decode(encode(self.passage.known), type=KnownRules)
        state = self.profiles.journal.compact()
        self.profiles = self._profiles()
        self.profiles.journal.restore(state.head, state.pages.values(), [])
        self.profiles.expect_columns()
        self._open(newest, of_rules if known else None)
        rules = LaneRules.by(kept, newest)
        past = self.judged.members.journal.compact()
        self.judged = Lane(rules, self._members, self.judged._clock)
        self.judged.members.journal.restore(past.head, past.pages.values(), [])
        if not self.judged.expect_columns() and rules != kept:
            self.judged.begin_sweep(awaits=True)
        self._both[0]()
        self._sweep()

    def members(self) -> dict[str, int]:
        """How many are in each segment."""
        return self.judged.members.counts()

    @property
    def _both(self) -> tuple[Any, Any]:
        return self._profile, self._assign

    def _due_us(self) -> int:
        soonest_us = min(self.profiles.next_due_us(), self.judged.members.next_due_us())
        return min(soonest_us, 2**62)

    def _profiles(self) -> Profiles:
        beside = self.measured and self.measured.session_reader(self._catalog)
        return self._kind(self._catalog, beside=beside)

    def _open(self, newest: Segments, kept: KnownRules | None) -> None:
        columns = with_clusters(self._catalog.columns, {})
        job = JobRules(newest, steered=True, wall=True, columns=columns, watched=self._watched)
        self.passage = Passage(job, self.profiles, kept)

    def _watched(self, versions: Sequence[Mapping[str, SegmentSpec]]) -> Watched:
        columns = self._catalog.columns
        return Watched.of([one for specs in versions for one in check(specs, columns)[0]], columns)

    def _members(self, rules: LaneRules) -> Members:
        columns = self._catalog.columns
        rulebook = Rulebook.compile(
            rules.specs(),
            with_clusters(columns, {}),
            step_us=MINUTE,
            version=rules.segments.version,
        )
        accounts = self.measured and self.measured.accounts(rulebook, rules.specs())
        return Members(Criteria(columns, rulebook, (), 1), accounts)

    def _profile(self) -> None:
        rows, messages = _NOTHING if self._pauses else self.passage.step(self._course.most)
        self._go(self._wall.step(self.profiles, None, self.now_us, rows))
        for message in messages:
            self._hear(read_message(encode(message)))

    def _go(self, step: Step) -> None:
        brought = self.profiles.take_brought()
        if step or brought:
            self.evaluations += sum(len(round_.rows) for round_ in step.rounds)
            packed = read(pack(self.profiles, step, None, brought))
            assert isinstance(packed, Packed)
            members = self.judged.members
            self._judge(unpack(packed, members.table, members.coded))
        self.profiles.journal.free(step.forgotten.rows)
        self.profiles.journal.commit()

    def _assign(self) -> None:
        self._judge(Evaluations(self.now_us, None, []))

    def _judge(self, evaluations: Evaluations) -> None:
        self._keep(self.judged.judge(evaluations, {}))
        self.judged.members.journal.commit()

    def _hear(self, message: Message) -> None:
        match message:
            case Segments():
                self.settle()
                if self.judged.take(message):
                    self._sweep()
            case Preview():
                self.answers.append(self.judged.preview(message.segments, self.now_us, {}))
            case Started():
                pass

    def _sweep(self) -> None:
        while self.judged.swept is not None:
            self._keep(self.judged.sweep(self.now_us, {}, self._course.most))
            self.judged.members.journal.commit()
        self.settle()
        self.judged.settle()

    def _keep(self, collected: Collected) -> None:
        self.transitions += collected.transitions
        self.judgements += collected.judged
        if collected.delta:
            self.deltas.append(encode_delta(collected.delta))
            self.notes.clear()
        account = self.judged.members.account
        if account and (note := account.take_note()):
            self.notes.append(note)
