"""Assign: judges users by the rules and the newest models, and publishes what changed.

Key: lane. State: see `LaneState` and `Members`; the lane's `LaneRules` beside them, and what its
`Account` has noted in about a second; the newest models as broadcast state, by name. Replay: after
a restart the evaluations since the last checkpoint come again; what was decided from them before
was never committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import KeyedBroadcastProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from operators.base.arrays import NEVER
from operators.base.moments import iso_at, now_us
from operators.clustering.final_model import models_of
from operators.clustering.model import ClusterModel
from operators.contracts.control.messages import Preview, Segments, Started
from operators.contracts.packing import packed
from operators.contracts.records import Assignment, LanePreview, LaneProgress
from operators.contracts.wire import Evaluations, read, unpack
from operators.flink.attempts import is_restart
from operators.flink.broadcast_timers import let_timers_have_side_outputs
from operators.flink.interpreter import set_up
from operators.flink.metrics import AssignMetrics
from operators.flink.state import LaneState
from operators.flink.streams import END_OF_TIME, MODELS, OUTCOMES
from operators.flink.timers import PULSE_US, Timers
from operators.membership.clusterings import Clustering, Models
from operators.membership.collected import Collected
from operators.membership.criteria import Criteria
from operators.membership.lane import Lane, LaneRules
from operators.membership.members import Members
from operators.membership.telling import Telling
from operators.outcomes.delta import Delta
from operators.outcomes.delta import encode as encode_delta
from operators.outcomes.settling import Accounts
from operators.rules.rulebook import Rulebook
from operators.settings import Settings

_STARTS_WITHIN_US: Final = 60_000_000
_LATER_MS: Final = 500  # a sweep looks again so soon whether what it waits for has come
_SWEPT: Final = 4_096  # users a step of a sweep: some 30 ms, in which no event is judged
_NOTED_US: Final = 1_000_000  # so soon is settled what was noted of outcomes
_MOST_NOTED: Final = 4_096  # sessions and conversions; that many are settled at once
_RULEBOOKS: Final = 4  # compiled ones that are kept: lanes take a new version one after the other


class Assign(KeyedBroadcastProcessFunction):
    """Inputs: `wire` messages by lane; models, broadcast. Output: `RECORDS`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        let_timers_have_side_outputs()
        if is_restart(runtime_context) or self._begins_late():
            # Nothing is committed without a checkpoint, and there is none before all have opened.
            self._settings.may_begin()
        self._columns = self._settings.catalog().columns
        self._clusterings = self._settings.clusterings(self._columns)
        # As far as the state was read, where they are not given.
        self._models: dict[str, ClusterModel | None] = {**models_of(self._settings.given or {})}
        self._state = LaneState(runtime_context, "assign")
        self._rules = runtime_context.get_state(
            ValueStateDescriptor("assign-rules", Types.PICKLED_BYTE_ARRAY())
        )
        self._metrics = AssignMetrics(runtime_context.get_metrics_group())
        self._judged_by: dict[bytes, tuple[Rulebook, Accounts | None]] = {}
        self._lanes: dict[int, Lane] = {}
        self._tellings: dict[int, Telling] = {}
        self._timers = Timers()
        self._notes = runtime_context.get_list_state(
            ListStateDescriptor("assign-notes", Types.PICKLED_BYTE_ARRAY())
        )
        self._noted_us: dict[int, int] = {}  # when the first was noted that is not settled

    def _begins_late(self) -> bool:
        """Whether it is a restart in any case, however its cluster counts."""
        lease = self._settings.lease
        return lease is not None and now_us() - lease.fence > _STARTS_WITHIN_US

    def process_broadcast_element(
        self, value: Row, ctx: KeyedBroadcastProcessFunction.Context
    ) -> Iterator[Any]:
        name, model = value
        ctx.get_broadcast_state(MODELS).put(name, model)
        self._models.pop(name, None)
        yield from ()

    def process_element(
        self, value: Row, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext
    ) -> Iterator[Any]:
        lane = self._lane(ctx)
        message = read(value[1])
        match message:
            case Segments():
                yield from self._take(lane, message, ctx)
            case Preview():
                yield from self._preview(lane, message, ctx)
            case Started():  # whoever starts a job is told at once who is there
                yield self._progress(lane, ctx)
            case _:
                members = lane.members
                evaluations = unpack(message, members.table, members.coded)
                yield from self._judge(lane, evaluations, ctx)
                yield from self._news(lane, ctx)

    def on_timer(
        self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext
    ) -> Iterator[Any]:
        lane = self._lane(ctx)
        if timestamp == END_OF_TIME:
            yield from self._finish(lane, ctx)
            return
        self._timers.fired(ctx)
        if lane.awaits:
            self._go_on(lane, ctx)
        elif lane.swept is not None:
            yield from self._sweep(lane, ctx)
        if self._settings.clock.wall:
            yield from self._judge(lane, Evaluations(now_us(), None, []), ctx)
        else:
            yield from self._account(lane, ctx)
        yield from self._news(lane, ctx)

    def _lane(self, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Lane:
        key = ctx.get_current_key()
        lane = self._lanes.get(key)
        if lane is None:
            stored = self._rules.value()
            kept = None if stored is None else _decode(stored)
            rules = LaneRules.by(kept, self._settings.segments)
            lane = self._lanes[key] = Lane(rules, self._members, now_us)
            self._state.restore(lane.members.journal)
            if lane.members.account:
                lane.members.account.restore(self._notes.get() or ())
            lane.expect_clusters()
            if not lane.expect_columns() and rules != kept:
                # By the wall clock Profile looks at everyone first: see `Passage`.
                lane.begin_sweep(awaits=kept is not None and self._settings.clock.wall)
            lane.expect_series()
            if lane.awaits:
                self._state.commit(lane.members.journal)
            if rules != kept:
                self._move(lane)
            if lane.swept is not None:
                self._go_on(lane, ctx)
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return lane

    def _members(self, rules: LaneRules) -> Members:
        clock = self._settings.clock
        resolution_us = 1 if clock.wall else clock.resolution_us
        rulebook, accounts = self._compiled(rules)
        criteria = Criteria(self._columns, rulebook, self._clusterings, resolution_us)
        return Members(criteria, accounts, self._settings.budget())

    def _compiled(self, rules: LaneRules) -> tuple[Rulebook, Accounts | None]:
        """What users are judged and measured by, for all lanes that have these rules."""
        key = _encode(rules)
        found = self._judged_by.get(key)
        if found is None:
            version, specs = rules.segments.version, rules.specs()
            rulebook = self._settings.rulebook(self._columns, specs, version)
            found = rulebook, self._settings.accounts(rulebook, specs)
            kept = list(self._judged_by.items())[1 - _RULEBOOKS :]
            self._judged_by = dict([*kept, (key, found)])
        return found

    def _take(self, lane: Lane, newer: Segments, ctx: Any) -> Iterator[Any]:
        """Go over to a version of the segments, and begin to judge everyone by it."""
        yield from self._settled(lane)
        if lane.take(newer):
            self._move(lane)
            self._go_on(lane, ctx)
        yield self._progress(lane, ctx)

    def _preview(self, lane: Lane, asked: Preview, ctx: Any) -> Iterator[Any]:
        counts = lane.preview(asked.segments, self._now_us(), self._newest(ctx))
        key, users = ctx.get_current_key(), len(lane.members.table)
        answer = LanePreview(key, asked.id, users, counts, iso_at(now_us()))
        yield Row(self._settings.outputs.status, [packed(f"preview {key}", answer)])

    def _sweep(self, lane: Lane, ctx: Any) -> Iterator[Any]:
        collected = lane.sweep(self._now_us(), self._newest(ctx), _SWEPT)
        yield from self._rows(collected)
        self._write(lane, ctx)
        yield from self._account(lane, ctx)
        if lane.swept is None:
            yield from self._settled(lane)
        if lane.settle():
            self._move(lane)
        self._go_on(lane, ctx)
        yield self._progress(lane, ctx)

    def _judge(self, lane: Lane, evaluations: Evaluations, ctx: Any) -> Iterator[Any]:
        started = time.perf_counter_ns()
        awaited = lane.awaits
        collected = lane.judge(evaluations, self._newest(ctx))
        yield from self._rows(collected)
        self._write(lane, ctx)
        yield from self._account(lane, ctx)
        moved = bool(collected.transitions) or awaited != lane.awaits
        self._telling(ctx).heard(len(lane.members.table), moved)
        python_ns = time.perf_counter_ns() - started
        outcomes_ns = collected.account_ns
        self._metrics.cost(evaluations.event_at_ms, python_ns, collected.judged, outcomes_ns)

    def _finish(self, lane: Lane, ctx: Any) -> Iterator[Any]:
        """At the end of a bounded run everyone is judged by the last models."""
        as_of_us = self._settings.clock.as_of_us
        assert as_of_us is not None  # only bounded runs register a timer at the end of time
        yield from self._rows(lane.everyone(as_of_us, self._newest(ctx)))
        self._state.commit(lane.members.journal)
        yield from self._settled(lane)

    def _newest(self, ctx: Any) -> Models:
        """The newest models, by name."""
        for clustering in self._clusterings:
            if clustering.name not in self._models and self._settings.given is None:
                self._models[clustering.name] = self._stored(clustering, ctx)
        return {name: model for name, model in self._models.items() if model is not None}

    def _stored(self, clustering: Clustering, ctx: Any) -> ClusterModel | None:
        """The newest version in state; none while that is of other features."""
        stored = ctx.get_broadcast_state(MODELS).get(clustering.name)
        model = None if stored is None else ClusterModel.from_bytes(stored)
        if model is None or not clustering.fits(model):
            return None
        self._metrics.model(clustering.name, model.version)
        return model

    def _now_us(self) -> int | None:
        """The moment at which everyone is judged anew; None leaves it to each one's own time."""
        return now_us() if self._settings.clock.wall else None

    def _rows(self, collected: Collected) -> Iterator[Any]:
        outputs = self._settings.outputs
        transitions, assignments = collected.transitions, list(collected.assignments.values())
        if transitions:
            yield Row(outputs.transitions, [packed(each.user, each) for each in transitions])
        if collected.delta:
            yield self._told(collected.delta)
        if assignments:
            yield Row(outputs.assignments, list(_changelog(assignments)))
        forgotten = sum(each.forgotten for each in assignments)
        self._metrics.batch(collected.judged, len(assignments), len(transitions), forgotten)

    def _account(self, lane: Lane, ctx: Any) -> Iterator[Any]:
        """Keep what was noted of outcomes, and settle it when it is time to."""
        account = lane.members.account
        if account is None:
            return
        key = ctx.get_current_key()
        if (note := account.take_note()) is not None:
            self._notes.add(note)
            self._noted_us.setdefault(key, now_us())
        if account.is_settled:
            self._noted_us.pop(key, None)
            return
        due_us = self._noted_us.setdefault(key, now_us()) + _NOTED_US
        if account.waiting >= _MOST_NOTED or due_us <= now_us():
            self._noted_us.pop(key)
            yield from self._settled(lane)
        elif self._settings.clock.as_of_us is None:
            self._timers.set(ctx, due_us)

    def _settled(self, lane: Lane) -> Iterator[Any]:
        delta = lane.settle_account()
        if delta:
            self._state.commit(lane.members.journal)
            yield self._told(delta)

    def _told(self, delta: Delta) -> Any:
        self._notes.clear()
        return OUTCOMES, Row(encode_delta(delta))

    def _progress(self, lane: Lane, ctx: Any) -> Row:
        key, users, at_us = ctx.get_current_key(), len(lane.members.table), now_us()
        self._telling(ctx).told(users, at_us)
        version = lane.rules.segments.version
        record = LaneProgress(key, version, users, lane.judged, iso_at(at_us), lane.counts())
        return Row(self._settings.outputs.status, [packed(f"lane {key}", record)])

    def _news(self, lane: Lane, ctx: Any) -> Iterator[Any]:
        """Tell of the lane's users what is new, now or when it is time to."""
        due_us = self._telling(ctx).due_us
        if self._settings.outputs.status is None or due_us == NEVER:
            return
        if due_us <= now_us():
            yield self._progress(lane, ctx)
        else:
            self._timers.set(ctx, due_us)

    def _telling(self, ctx: Any) -> Telling:
        return self._tellings.setdefault(ctx.get_current_key(), Telling())

    def _move(self, lane: Lane) -> None:
        """Write the state of a lane that went over to other rules."""
        self._rules.update(_encode(lane.rules))
        self._state.compact(lane.members.journal)

    def _write(self, lane: Lane, ctx: Any) -> None:
        journal = lane.members.journal
        self._state.commit(journal)
        if journal.due():
            self._state.compact(journal)
        if self._settings.clock.wall:
            self._set_timer(lane, ctx)

    def _set_timer(self, lane: Lane, ctx: Any) -> None:
        due_us = lane.members.next_due_us()
        if self._clusterings:  # idle users get a cluster of a model that was not there
            due_us = min(due_us, now_us() + PULSE_US)
        self._timers.set(ctx, due_us)

    def _go_on(self, lane: Lane, ctx: Any) -> None:
        """Come back to a sweep under way after what waits meanwhile."""
        if lane.swept is not None:
            later_ms = _LATER_MS if lane.awaits else 1
            ctx.timer_service().register_processing_time_timer(now_us() // 1_000 + later_ms)


def _changelog(assignments: Iterable[Assignment]) -> Iterator[bytes]:
    """Assignments as the changelog has them: a tombstone follows the last of who is forgotten."""
    for assignment in assignments:
        yield packed(assignment.user, assignment)
        if assignment.forgotten:
            yield packed(assignment.user, None)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LaneRules).decode
