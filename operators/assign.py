"""Assign: judges users by the rules and the newest model, and publishes what changed.

Key: lane. State: see `LaneState` and `Members`; the newest models as broadcast state, by name.
Replay: after a restart the evaluations since the last checkpoint come again; what was decided
from them before was never committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from pyflink.common import Row, Types
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext
from pyflink.datastream.state import MapStateDescriptor

from operators.clustering.model import ClusterModel
from operators.clustering.space import Space
from operators.features.windows import NEVER
from operators.interpreter import set_up
from operators.membership.members import Members, Verdicts
from operators.membership.publish import publish
from operators.metrics import AssignMetrics
from operators.moments import now_us
from operators.profile import BYTES, END_OF_TIME
from operators.records import Assignment, Transition, encode
from operators.settings import Settings
from operators.state import LaneState
from operators.wire import Evaluations, unpack

# Records of a topic, each `packed`: one row a message, since each row that leaves Python costs
# as much as some ten records.
RECORDS: Final = Types.ROW_NAMED(["topic", "records"], [Types.STRING(), Types.OBJECT_ARRAY(BYTES)])
LENGTH_DIGITS: Final = 3  # of a key in characters: users have at most 512

MODELS: Final = MapStateDescriptor("models", Types.STRING(), Types.PICKLED_BYTE_ARRAY())

_VERSION: Final = "version"
_TIMER_STEP_US: Final = 1_000_000
_UNASSIGNED: Final = 2_048  # users a message who are given their first cluster, though idle


class Assign(KeyedBroadcastProcessFunction):
    """Inputs: `wire` messages by lane; models, broadcast. Output: `RECORDS`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._columns = self._settings.catalog().columns
        self._rulebook = self._settings.rulebook(self._columns)
        clusters = list(self._settings.clusters.items())
        self._model_name = clusters[0][0] if clusters else ""
        self._space = Space.of(clusters[0][1].features, self._columns) if clusters else None
        self._model: ClusterModel | None = None
        self._state = LaneState(runtime_context, "assign")
        self._metrics = AssignMetrics(runtime_context.get_metrics_group())
        self._lanes: dict[int, Members] = {}
        self._timers_us: dict[int, int] = {}

    def process_broadcast_element(
        self, value: Row, ctx: KeyedBroadcastProcessFunction.Context
    ) -> Iterator[Any]:
        name, model = value
        ctx.get_broadcast_state(MODELS).put(name, model)
        self._model = ClusterModel.from_bytes(model)
        self._metrics.model(self._model.version)
        yield from ()

    def process_element(
        self, value: Row, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext
    ) -> Iterator[Any]:
        lane = ctx.get_current_key()
        members = self._lane(lane, ctx)
        evaluations = unpack(value[1], members.table, members.coded)
        yield from self._judge(lane, members, evaluations, ctx)

    def on_timer(
        self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext
    ) -> Iterator[Any]:
        lane = ctx.get_current_key()
        members = self._lane(lane, ctx)
        if timestamp == END_OF_TIME:
            yield from self._finish(members, ctx)
        else:
            self._timers_us.pop(lane, None)
            yield from self._judge(lane, members, Evaluations(now_us(), None, []), ctx)

    def _lane(self, lane: int, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Members:
        members = self._lanes.get(lane)
        if members is None:
            resolution_us = 1 if self._settings.clock.wall else self._settings.clock.resolution_us
            members = Members(self._columns, self._rulebook, self._space, resolution_us)
            self._lanes[lane] = members
            self._state.restore(members.journal)
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return members

    def _judge(
        self, lane: int, members: Members, evaluations: Evaluations, ctx: Any
    ) -> Iterator[Any]:
        started = time.perf_counter_ns()
        clock = self._settings.clock
        until_us = evaluations.clock_us // clock.resolution_us * clock.resolution_us
        model = self._current_model(ctx)
        idle = members.unassigned(_UNASSIGNED) if model else _NOBODY
        members.begin(evaluations.rounds, until_us, idle)
        records = _Records(members, evaluations.event_at_ms)
        for verdicts in members.judge(evaluations.rounds, model, until_us, exact=not clock.wall):
            records.add(verdicts)
        idle = np.intersect1d(idle, members.unassigned(_UNASSIGNED))
        if len(idle):
            records.add(members.again(idle, members.not_before(idle, until_us), model))
        yield from self._rows(records)
        self._write(lane, members, ctx)
        python_ns = time.perf_counter_ns() - started
        self._metrics.batch(records.judged, len(records.assignments), len(records.transitions))
        self._metrics.cost(evaluations.event_at_ms, python_ns, records.judged)

    def _finish(self, members: Members, ctx: Any) -> Iterator[Any]:
        """At the end of a bounded run everyone is judged by the last model."""
        as_of_us = self._settings.clock.as_of_us
        rows = members.everyone()
        members.begin([], NEVER - 1, rows)
        records = _Records(members, None)
        records.add(members.again(rows, np.full(len(rows), as_of_us), self._current_model(ctx)))
        yield from self._rows(records)
        self._state.commit(members.journal)
        self._metrics.batch(records.judged, len(records.assignments), len(records.transitions))

    def _current_model(self, ctx: Any) -> ClusterModel | None:
        if self._model is None and self._model_name:
            stored = ctx.get_broadcast_state(MODELS).get(self._model_name)
            self._model = None if stored is None else ClusterModel.from_bytes(stored)
        return self._model

    def _rows(self, records: _Records) -> Iterator[Any]:
        outputs = self._settings.outputs
        if records.transitions:
            yield Row(outputs.transitions, list(map(packed, records.transitions)))
        if records.assignments:
            yield Row(outputs.assignments, list(map(packed, records.assignments.values())))

    def _write(self, lane: int, members: Members, ctx: Any) -> None:
        self._state.commit(members.journal)
        if members.journal.due():
            self._state.compact(members.journal)
        if self._settings.clock.wall:
            at_us = -(-members.next_due_us() // _TIMER_STEP_US) * _TIMER_STEP_US
            if at_us < self._timers_us.get(lane, NEVER):
                self._timers_us[lane] = at_us
                ctx.timer_service().register_processing_time_timer(at_us // 1_000)


def packed(record: Assignment | Transition) -> bytes:
    """A record as `RECORDS` has it: the length of its key, the key, the value."""
    return f"{len(record.user):0{LENGTH_DIGITS}}{record.user}".encode() + encode(record)


class _Records:
    """The records of one message: every transition, and of each user the last assignment.

    The changelog is compacted: of two assignments of a user the first would only pass by.
    """

    def __init__(self, members: Members, event_at_ms: int | None) -> None:
        self.transitions: list[Transition] = []
        self.assignments: dict[str, Assignment] = {}
        self.judged = 0
        self._members = members
        self._event_at_ms = event_at_ms

    def add(self, verdicts: Verdicts) -> None:
        """Publish verdicts under a version of their own."""
        self.judged += len(verdicts.rows)
        members, head = self._members, self._members.journal.head
        if len(verdicts.changed):
            head[_VERSION] = max(head.get(_VERSION, 0) + 1, now_us())
        for record in publish(
            verdicts, members.table, members.rulebook, head.get(_VERSION, 0), self._event_at_ms
        ):
            if isinstance(record, Transition):
                self.transitions.append(record)
            else:
                self.assignments[record.user] = record


_NOBODY: Final = np.zeros(0, np.int64)
