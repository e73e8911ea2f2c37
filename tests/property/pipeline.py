"""The road of an event without Flink: lanes of Profile and Assign, fed batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import msgspec
import numpy as np

from operators.features.catalog import Catalog
from operators.features.clocks import EventClock, Round, evaluate_all
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from operators.frame import FeatureColumn, Kind
from operators.membership.members import CLUSTER, Members
from operators.membership.publish import publish
from operators.records import Assignment, Transition
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from operators.wire import pack, unpack
from tests.oracle import Event
from tests.property.test_profiles import batch_of

NOBODY = np.zeros(0, np.int64)


@dataclass
class Lane:
    """One lane: what Profile and Assign hold for it."""

    profiles: Profiles
    members: Members
    clock_us: int = 0


@dataclass
class Pipeline:
    """All lanes, and what they published."""

    catalog: Catalog
    rulebook: Rulebook
    lanes: int
    resolution: int
    by_id: bool
    assignments: dict[str, Assignment] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    _lanes: dict[int, Lane] = field(default_factory=dict)
    _version: int = 0

    def feed(self, events: Sequence[Event]) -> None:
        """One batch, as the source would cut it into lanes."""
        for number in range(self.lanes):
            own = [e for e in events if crc32(e.user.encode()) % self.lanes == number]
            if own:
                self._step(self._lane(number), own)

    def finish(self, as_of: int) -> None:
        """The end of a bounded run."""
        for lane in self._lanes.values():
            clock = EventClock(self.resolution)
            rounds = clock.step(lane.profiles, None, as_of)
            self._judge(lane, [*rounds, evaluate_all(lane.profiles, as_of)], as_of)

    def _lane(self, number: int) -> Lane:
        if number not in self._lanes:
            members = Members(self.catalog.columns, self.rulebook, None, self.resolution)
            self._lanes[number] = Lane(Profiles(self.catalog), members)
        return self._lanes[number]

    def _step(self, lane: Lane, events: Sequence[Event]) -> None:
        arrived = lane.profiles.arrive(batch_of(self.catalog, list(events), self.by_id))
        arrivals = arrived.arrivals
        lane.clock_us = max(lane.clock_us, int(arrivals.time_us.max(initial=0)))
        rounds = EventClock(self.resolution).step(lane.profiles, arrivals, lane.clock_us)
        self._judge(lane, rounds, lane.clock_us)

    def _judge(self, lane: Lane, rounds: Sequence[Round], clock_us: int) -> None:
        members = lane.members
        message = pack(lane.profiles, rounds, clock_us, None)
        evaluations = unpack(message, members.table, members.coded)
        until = clock_us // self.resolution * self.resolution
        members.begin(evaluations.rounds, until, NOBODY)
        for verdicts in members.judge(evaluations.rounds, None, until, exact=True):
            self._version += 1
            for record in publish(verdicts, members.table, self.rulebook, self._version, None):
                if isinstance(record, Transition):
                    self.transitions.append(record)
                else:
                    self.assignments[record.user] = record


def pipeline(
    features: Mapping[str, Mapping[str, Any]],
    segments: Mapping[str, Mapping[str, Any]],
    gap: int,
    *,
    lanes: int,
    resolution: int,
    by_id: bool,
) -> Pipeline:
    """A pipeline of plain configuration data."""
    specs = {name: msgspec.convert(spec, FeatureSpec) for name, spec in features.items()}
    catalog = Catalog.compile(specs, gap)
    rulebook = Rulebook.compile(
        {name: msgspec.convert(spec, SegmentSpec) for name, spec in segments.items()},
        {**catalog.columns, CLUSTER: FeatureColumn(CLUSTER, Kind.NUMBER)},
        step_us=resolution,
        version=1,
    )
    return Pipeline(catalog, rulebook, lanes, resolution, by_id)
