"""Profile: decodes the events of a lane, keeps its users' features, evaluates them.

Key: lane. State: see `LaneState` and `Profiles`; in memory a cache of it; the lane's `KnownRules`
(see `Passages`) and what `InputWatch` keeps beside them, as long as the job lives. Replay: after a
restart the events since the last checkpoint come again and meet the profiles of before them, and so
do the messages of Steer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pyflink.common import Row
from pyflink.datastream import KeyedCoProcessFunction, KeyedProcessFunction, RuntimeContext

from operators.base.arrays import NEVER, Rows
from operators.base.moments import now_us
from operators.clustering.learning.sample import encode as encode_update
from operators.clustering.learning.sampler import Sampler
from operators.contracts.records import LEDGER, LaneTotals, encode
from operators.contracts.wire import encode as encode_message
from operators.contracts.wire import pack
from operators.events.decode import EventDecoder, Rejected
from operators.events.reasons import Reason
from operators.events.roster import parted
from operators.features.brought import Brought
from operators.features.clocks import Step, WallClock
from operators.features.event_clock import EventClock
from operators.features.lifetime import NONE_FORGOTTEN
from operators.features.profiles import Arrived, Profiles
from operators.flink.input_watch import InputWatch
from operators.flink.interpreter import set_up
from operators.flink.letters import OutgoingLetters
from operators.flink.metrics import ProfileMetrics
from operators.flink.passages import Passages
from operators.flink.state import LaneState
from operators.flink.streams import END_OF_TIME, SAMPLES, TOTALS
from operators.flink.timers import PULSE_US, Timers
from operators.settings import Settings

_TOTALS: Final = ("records", "events_applied", "dead_letters", "duplicates", "people")
_ENDED: Final = 4_096  # users who come to the end of a run together
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


@dataclass(frozen=True)
class StepMessage:
    """What others are to be told: a step, what batches brought beside, and the newest event."""

    step: Step
    brought: Brought | None
    event_at_ms: int | None


class Profile(KeyedProcessFunction):
    """Input: (lane, keys, values, time in Kafka of the newest). Output: `wire` messages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        settings = self._settings
        self._catalog = settings.catalog()
        self._decoder = EventDecoder(
            settings.events,
            self._catalog.event_types,
            self._catalog.numbers,
            self._catalog.texts,
            keyed=settings.keyed,
        )
        self._roster = settings.roster_decoder(self._catalog)
        columns = self._catalog.columns
        clusterings = settings.clusterings(columns)
        learned = clusterings if settings.given is None else ()
        spaces = {each.name: each.space for each in learned}
        self._models = [each.label for each in clusterings]
        self._sampler = Sampler(columns, spaces, settings.lanes)
        bounded = settings.clock.as_of_us is not None
        self._passages = None if bounded else Passages(runtime_context, settings.job_rules(columns))
        segments = settings.segments.segments
        self._watched = settings.watched(columns)([segments]) if bounded else None
        self._wall = WallClock() if settings.clock.wall else None
        self._own = EventClock(settings.clock.resolution_us, stops=not bounded)
        self._state = LaneState(runtime_context, "profile")
        self._metrics = ProfileMetrics(runtime_context.get_metrics_group())
        self._letters = OutgoingLetters(settings, self._metrics)
        self._input = None if bounded else InputWatch(runtime_context, settings, self._catalog)
        self._budget = settings.budget()
        self._lanes: dict[int, Profiles] = {}
        self._timers = Timers()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        started = time.perf_counter_ns()
        _, keys, values, event_at_ms = value
        lane = ctx.get_current_key()
        profiles = self._lane(lane, ctx)
        self._metrics.read(len(values))
        if self._roster:
            people, (keys, values) = parted(keys, values)
            yield from self._enroll(profiles, *people, ctx)
            started = time.perf_counter_ns()
        if values:
            yield from self._apply(profiles, keys, values, event_at_ms, ctx)
            self._metrics.batch(len(values), time.perf_counter_ns() - started)
        yield from self._tell_input(lane, now_us())

    def _apply(
        self,
        profiles: Profiles,
        keys: Sequence[bytes],
        values: Sequence[bytes],
        event_at_ms: int | None,
        ctx: Any,
    ) -> Iterator[Any]:
        """Take the events of a batch."""
        lane, now = ctx.get_current_key(), now_us()
        decoded = self._decoder.decode(keys, values, self._latest_us(now))
        _count(profiles, records=len(values), dead_letters=len(decoded.rejected))
        yield from self._refused(decoded.rejected, keys, values)
        for arrived in profiles.lives(decoded.events, now if self._wall else NEVER):
            _count(
                profiles,
                events_applied=len(arrived.arrivals),
                dead_letters=len(arrived.late),
                duplicates=arrived.repeated,
            )
            self._metrics.arrived(len(arrived.arrivals), arrived.repeated)
            if self._input:
                self._input.see(lane, arrived.arrivals, values, now)
            late = list(map(_late, arrived.late.tolist()))
            yield from self._refused(late, keys, values)
            yield from self._go(profiles, self._steps(profiles, arrived, now), event_at_ms, ctx)

    def _enroll(
        self, profiles: Profiles, keys: Sequence[bytes], values: Sequence[bytes], ctx: Any
    ) -> Iterator[Any]:
        """Take records of the roster; by the wall clock their people are judged at once."""
        if not values or self._roster is None:
            return
        now, decoded = now_us(), self._roster.decode(keys, values)
        people, refused = decoded.events, decoded.rejected
        _count(profiles, records=len(values), dead_letters=len(refused), people=len(people))
        self._metrics.enrolled(len(people))
        yield from self._refused(refused, keys, values)
        rows = profiles.enroll(people) if len(people) else _NOBODY
        self._write(profiles, NONE_FORGOTTEN.rows, ctx)
        if self._wall:
            yield from self._go(profiles, [self._wall.step(profiles, None, now, rows)], None, ctx)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        lane = ctx.get_current_key()
        profiles = self._lane(lane, ctx)
        if timestamp == END_OF_TIME:
            yield from self._finish(lane, profiles, ctx)
            return
        self._timers.fired(ctx)
        yield from self._go_on(profiles, ctx)
        yield from self._tell_input(lane, now_us())

    def _tell_input(self, lane: int, now: int) -> Iterator[Any]:
        if self._input:
            yield from self._input.tell(lane, now)

    def steer(self, message: bytes, ctx: Any) -> Iterator[Any]:
        """Take what Steer says, and hand it on to Assign when it is time to."""
        assert self._passages is not None  # Steer is there in jobs without end alone
        profiles = self._lane(ctx.get_current_key(), ctx)
        self._passages.take(message, ctx)
        yield from self._go_on(profiles, ctx)

    def _go_on(self, profiles: Profiles, ctx: Any) -> Iterator[Any]:
        """Evaluate whom time has changed, with some of a look at everyone; then messages go on."""
        rows, messages = self._passages.step(ctx) if self._passages else (_NOBODY, [])
        if self._wall:
            step = self._wall.step(profiles, None, now_us(), rows)
            yield from self._go(profiles, [step], None, ctx)
        for message in messages:
            yield Row(ctx.get_current_key(), encode_message(message))
        if self._passages:
            self._passages.keep(ctx)

    def _lane(self, lane: int, ctx: KeyedProcessFunction.Context) -> Profiles:
        profiles = self._lanes.get(lane)
        if profiles is None:
            within_us, lifetime = self._settings.events.dedup_within_us, self._settings.lifetime
            beside, budget = self._settings.session_reader(self._catalog), self._budget
            profiles = Profiles(self._catalog, within_us, lifetime, beside=beside, budget=budget)
            self._lanes[lane] = profiles
            self._state.restore(profiles.journal)
            profiles.expect_ends()
            profiles.expect_columns(self._models)
            self._watch(profiles, ctx)
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return profiles

    def _watch(self, profiles: Profiles, ctx: Any) -> None:
        """Have users looked at when the rules ask for it that hold for them."""
        if self._passages:
            self._passages.open(profiles, ctx)
        else:
            profiles.watch(self._watched)

    def _latest_us(self, now: int) -> int:
        as_of_us = self._settings.clock.as_of_us
        return now + self._settings.events.max_skew_us if as_of_us is None else as_of_us

    def _steps(self, profiles: Profiles, arrived: Arrived, now: int) -> Iterable[Step]:
        """Add events, and evaluate whom they concern."""
        if self._wall:
            return [self._wall.step(profiles, arrived.arrivals, now)]
        return self._own.steps(profiles, arrived)

    def _go(
        self, profiles: Profiles, steps: Iterable[Step], event_at_ms: int | None, ctx: Any
    ) -> Iterator[Any]:
        """Send on what the steps of a clock come to, and write what they changed."""
        forgotten = NONE_FORGOTTEN
        for step in steps:
            brought = profiles.take_brought()
            if step or brought:
                message = StepMessage(step, brought, event_at_ms)
                yield from self._sent(profiles, message, ctx.get_current_key())
                evaluations = sum(len(round_.rows) for round_ in step.rounds)
                self._metrics.evaluated(evaluations, profiles.take_overflowed())
            forgotten = step.forgotten
        self._write(profiles, forgotten.rows, ctx)

    def _finish(self, lane: int, profiles: Profiles, ctx: Any) -> Iterator[Any]:
        """At the end of a bounded run: what is due until `as_of`, then everyone at `as_of`."""
        as_of_us = self._settings.clock.as_of_us
        assert as_of_us is not None  # only bounded runs register a timer at the end of time
        everyone = profiles.table.rows()
        for start in range(0, len(everyone), _ENDED):
            some = everyone[start : start + _ENDED]
            yield from self._go(profiles, self._own.end(profiles, some, as_of_us), None, ctx)
        yield from self._ended(lane, profiles)

    def _ended(self, lane: int, profiles: Profiles) -> Iterator[Any]:
        """What others are told at the end of a bounded run."""
        for name in self._settings.given or ():  # whoever publishes them waits for a first word
            yield SAMPLES, Row(name, b"")
        head = profiles.journal.head
        totals = LaneTotals(lane=lane, **{name: head.get(name, 0) for name in _TOTALS})
        yield TOTALS, Row(LEDGER, b"", encode(totals))

    def _sent(self, profiles: Profiles, told: StepMessage, lane: int) -> Iterator[Any]:
        """What others are told of a step."""
        yield Row(lane, pack(profiles, told.step, told.event_at_ms, told.brought))
        yield from self._samples(profiles, told.step)

    def _samples(self, profiles: Profiles, step: Step) -> Iterator[Any]:
        for name, update in self._sampler.updates(profiles.table, step):
            yield SAMPLES, Row(name, encode_update(update))

    def _refused(
        self, rejected: Sequence[Rejected], keys: Sequence[bytes], values: Sequence[bytes]
    ) -> Iterator[Any]:
        """What is told of records of a batch that can't be used."""
        return self._letters.of(rejected, keys, values)

    def _write(
        self, profiles: Profiles, forgotten: Rows, ctx: KeyedProcessFunction.Context
    ) -> None:
        """Write what has changed, and let go of whom it forgets."""
        journal = profiles.journal
        journal.free(forgotten)
        self._state.commit(journal)
        if journal.due():
            profiles.prune()
            self._state.compact(journal)
        if self._wall:
            self._set_timer(profiles, ctx)

    def _set_timer(self, profiles: Profiles, ctx: KeyedProcessFunction.Context) -> None:
        self._timers.set(ctx, min(profiles.next_due_us(), now_us() + PULSE_US))


class SteeredProfile(KeyedCoProcessFunction):
    """Profile with a second input: the messages of Steer for the lane, which go on to Assign."""

    def __init__(self, settings: Settings) -> None:
        self._profile = Profile(settings)

    def open(self, runtime_context: RuntimeContext) -> None:
        self._profile.open(runtime_context)

    def process_element1(self, value: Row, ctx: Any) -> Iterator[Any]:
        return self._profile.process_element(value, ctx)

    def process_element2(self, value: Row, ctx: Any) -> Iterator[Any]:
        return self._profile.steer(value[1], ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        return self._profile.on_timer(timestamp, ctx)


def _count(profiles: Profiles, **counts: int) -> None:
    """Keep the lane's totals in its state, so that they are exact across restarts."""
    head = profiles.journal.head
    for name, count in counts.items():
        head[name] = head.get(name, 0) + count


def _late(source: int) -> Rejected:
    detail = "older than the longest window, by the newest event of its user"
    return Rejected(source, Reason.LATE, detail)
