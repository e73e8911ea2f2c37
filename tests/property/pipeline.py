"""The road of an event without Flink: lanes of Profile and Assign, fed batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import msgspec

from operators.base.arrays import NEVER
from operators.contracts.control.messages import Segments
from operators.contracts.records import Assignment, Transition
from operators.contracts.wire import Packed, pack, read, unpack
from operators.events.batch import EventBatch
from operators.features.catalog import Catalog
from operators.features.clocks import Step
from operators.features.event_clock import EventClock
from operators.features.lifetime import Lifetime
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from operators.membership.account import Account
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
from tests.oracle import Event
from tests.property.feeding import batch_of, people_of


class EveryChange(Profiles):
    """The dumb way: a look at every change of every feature, whatever rules ask for."""

    def watch(self, watched: Watched | None, lead_us: int = 0) -> None:
        super().watch(None)


@dataclass
class LanePair:
    """What Profile and Assign hold for one lane."""

    profiles: Profiles
    judged: Lane
    notes: list[bytes] = field(default_factory=list)  # of outcomes, as state has them


@dataclass
class Pipeline:
    """All lanes, and what they published."""

    catalog: Catalog
    segments: Segments
    lanes: int
    resolution: int
    by_id: bool
    lifetime: Lifetime | None = None
    steered: bool = False  # whether its segments may change
    every: bool = False  # whether it looks at every change
    dedup_within: int | None = None
    measured: Settings | None = None  # those of a job that has outcomes
    noted: int = 0  # so much waits before it is settled
    assignments: dict[str, Assignment] = field(default_factory=dict)
    changelog: list[Assignment] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    evaluations: int = 0
    deltas: list[bytes] = field(default_factory=list)
    _lanes: dict[int, LanePair] = field(default_factory=dict)

    def feed(self, events: Sequence[Event]) -> None:
        """One batch, as the source would cut it into lanes."""
        for number in range(self.lanes):
            own = [e for e in events if crc32(e.user.encode()) % self.lanes == number]
            if own:
                self._step(self._lane(number), own)

    def enroll(self, records: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Records of a roster, as the source would cut them into lanes."""
        for number in range(self.lanes):
            own = [each for each in records if crc32(each[0].encode()) % self.lanes == number]
            if own:
                profiles = self._lane(number).profiles
                profiles.enroll(people_of(self.catalog, own))
                profiles.journal.commit()

    def finish(self, as_of: int) -> None:
        """The end of a bounded run."""
        for lane in self._lanes.values():
            rows = lane.profiles.table.rows()
            self._judge(lane, EventClock(self.resolution).end(lane.profiles, rows, as_of))
        self.settle()

    def settle(self) -> None:
        """All that is noted of outcomes is settled, by the notes that state has."""
        for lane in self._lanes.values():
            self._settle(lane)

    def take(self, segments: Mapping[str, Mapping[str, Any]], most: int) -> None:
        """A new version of the segments reaches every lane, which sweeps `most` users a step."""
        assert self.steered
        version = self.segments.version + 1
        self.segments = segments_of(segments, version)
        for lane in self._lanes.values():
            lane.profiles.watch(self._watched())
            self._settle(lane)
            assert lane.judged.take(self.segments)
            while lane.judged.swept is not None:
                self._keep(lane.judged.sweep(None, {}, most), lane)
            self._settle(lane)
            lane.judged.settle()

    def _lane(self, number: int) -> LanePair:
        if number not in self._lanes:
            lane = Lane(LaneRules(self.segments), self._members, lambda: 0)
            kind = EveryChange if self.every else Profiles
            profiles = kind(
                self.catalog,
                self.dedup_within,
                lifetime=self.lifetime,
                watched=self._watched(),
                beside=self.measured and self.measured.session_reader(self.catalog),
            )
            self._lanes[number] = LanePair(profiles, lane)
        return self._lanes[number]

    def _watched(self) -> Watched:
        columns = self.catalog.columns
        return Watched.of(check(self.segments.segments, columns)[0], columns)

    def _members(self, rules: LaneRules) -> Members:
        rulebook = Rulebook.compile(
            rules.specs(),
            with_clusters(self.catalog.columns, {}),
            step_us=self.resolution,
            version=rules.segments.version,
        )
        accounts = self.measured and self.measured.accounts(rulebook, rules.specs())
        criteria = Criteria(self.catalog.columns, rulebook, (), self.resolution)
        return Members(criteria, accounts)

    def feed_decoded(self, batch: EventBatch) -> int:
        """One batch as it was decoded, for a pipeline of one lane; gives how many were late."""
        assert self.lanes == 1
        return self._take(self._lane(0), batch)

    def _step(self, lane: LanePair, events: Sequence[Event]) -> None:
        self._take(lane, batch_of(self.catalog, list(events), self.by_id))

    def _take(self, lane: LanePair, batch: EventBatch) -> int:
        late = 0
        for arrived in lane.profiles.lives(batch, NEVER):
            late += len(arrived.late)
            clock = EventClock(self.resolution, stops=self.steered)
            self._judge(lane, clock.steps(lane.profiles, arrived))
        return late

    def _judge(self, lane: LanePair, steps: Iterable[Step]) -> None:
        members = lane.judged.members
        for step in steps:
            self.evaluations += sum(len(round_.rows) for round_ in step.rounds)
            packed = read(pack(lane.profiles, step, None, lane.profiles.take_brought()))
            assert isinstance(packed, Packed)
            evaluations = unpack(packed, members.table, members.coded)
            self._keep(lane.judged.judge(evaluations, {}), lane)
            members.journal.commit()
            if members.account and members.account.waiting > self.noted:
                self._settle(lane)
        lane.profiles.journal.free(step.forgotten.rows)
        lane.profiles.journal.commit()

    def _settle(self, lane: LanePair) -> None:
        self.deltas += settled(lane.judged, lane.notes)

    def _keep(self, collected: Collected, lane: LanePair | None = None) -> None:
        self.transitions += collected.transitions
        self.assignments |= collected.assignments
        self.changelog += collected.assignments.values()
        if collected.delta:
            self.deltas.append(encode_delta(collected.delta))
        account = lane.judged.members.account if lane else None
        if lane and account:
            if collected.delta:
                lane.notes.clear()
            if note := account.take_note():
                lane.notes.append(note)


def settled(judged: Lane, notes: list[bytes]) -> list[bytes]:
    """What the notes that state has come to, by the account that a restart would make of them."""
    members, deltas = judged.members, list[bytes]()
    if members._accounts is not None:
        members.account = Account(members._accounts, members.table)
        members.account.restore(notes)
        notes.clear()
        if delta := judged.settle_account():
            deltas.append(encode_delta(delta))
        members.journal.commit()
    return deltas


def segments_of(segments: Mapping[str, Mapping[str, Any]], version: int) -> Segments:
    """Segments of plain configuration data."""
    specs = {name: msgspec.convert(spec, SegmentSpec) for name, spec in segments.items()}
    return Segments(version, specs)


def pipeline(  # noqa: PLR0913 - a configuration and how it runs
    features: Mapping[str, Mapping[str, Any]],
    segments: Mapping[str, Mapping[str, Any]],
    gap: int,
    *,
    lanes: int,
    resolution: int,
    by_id: bool,
    lifetime: Lifetime | None = None,
    steered: bool = False,
    every: bool = False,
) -> Pipeline:
    """A pipeline of plain configuration data."""
    specs = {name: msgspec.convert(spec, FeatureSpec) for name, spec in features.items()}
    catalog = Catalog.compile(specs, gap)
    first = segments_of(segments, 1)
    return Pipeline(catalog, first, lanes, resolution, by_id, lifetime, steered, every)


def counted(run: Pipeline) -> dict[str, int]:
    """How many members each segment has by the lanes' own counts, where it has any."""
    found: Counter[str] = Counter()
    for pair in run._lanes.values():
        found.update(pair.judged.counts() or {})
    return dict(+found)


def memberships(run: Pipeline) -> dict[str, set[str]]:
    """Everyone who is in a segment, by the newest assignments."""
    return {user: set(found.segments) for user, found in run.assignments.items() if found.segments}
