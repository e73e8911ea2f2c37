"""Profile: decodes the events of a lane, keeps its users' features, evaluates them.

Key: lane. State: see `LaneState` and `Profiles`; in memory a cache of it; the lane's `KnownRules`
and what `InputWatch` keeps beside them, as long as the job lives. Replay: after a restart the
events since the last checkpoint come again and meet the profiles of before them, and so do the
messages of Steer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from pyflink.common import Row, Types
from pyflink.datastream import KeyedCoProcessFunction, KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.base.arrays import NEVER, Rows
from operators.base.moments import now_us
from operators.clustering.learning.sample import encode as encode_update
from operators.clustering.learning.sampler import Sampler
from operators.contracts.control.passage import KnownRules, Passage
from operators.contracts.letters import dead_letter, shortened_key
from operators.contracts.records import LEDGER, LaneTotals, encode
from operators.contracts.wire import encode as encode_message
from operators.contracts.wire import pack, read_message
from operators.events.decode import EventDecoder, Rejected
from operators.events.markers import NULL
from operators.events.reasons import Reason
from operators.events.roster import parted
from operators.features.clocks import Step, WallClock
from operators.features.event_clock import EventClock
from operators.features.lifetime import NONE_FORGOTTEN
from operators.features.profile_layout import DUE
from operators.features.profiles import Arrived, Profiles
from operators.flink.input_watch import InputWatch
from operators.flink.interpreter import set_up
from operators.flink.metrics import ProfileMetrics
from operators.flink.state import LaneState
from operators.flink.streams import DEAD_LETTERS, END_OF_TIME, SAMPLES, TOTALS
from operators.flink.timers import PULSE_US, Timers
from operators.settings import Settings

_TOTALS: Final = ("records", "events_applied", "dead_letters", "duplicates", "people")
_ENDED: Final = 4_096  # users who come to the end of a run together
_LOOKED: Final = 4_096  # users a step of a look at everyone: some 100 ms, in which no event is read
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


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
        self._rules = None if bounded else settings.job_rules(columns)
        segments = settings.segments.segments
        self._watched = settings.watched(columns)([segments]) if bounded else None
        self._wall = WallClock() if settings.clock.wall else None
        self._own = EventClock(settings.clock.resolution_us, stops=not bounded)
        self._state = LaneState(runtime_context, "profile")
        self._known = runtime_context.get_state(
            ValueStateDescriptor("profile-rules", Types.PICKLED_BYTE_ARRAY())
        )
        self._metrics = ProfileMetrics(runtime_context.get_metrics_group())
        self._input = None if bounded else InputWatch(runtime_context, settings, self._catalog)
        self._lanes: dict[int, Profiles] = {}
        self._passages: dict[int, Passage] = {}
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
        yield from self._letters(decoded.rejected, keys, values, now)
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
            yield from self._letters(list(map(_late, arrived.late.tolist())), keys, values, now)
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
        yield from self._letters(refused, keys, values, now)
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
        profiles = self._lane(ctx.get_current_key(), ctx)
        self._passages[ctx.get_current_key()].take(read_message(message))
        yield from self._go_on(profiles, ctx)

    def _go_on(self, profiles: Profiles, ctx: Any) -> Iterator[Any]:
        """Evaluate whom time has changed, with some of a look at everyone; then messages go on."""
        key = ctx.get_current_key()
        passage = self._passages.get(key)
        known = passage.known if passage else None
        rows, messages = passage.step(_LOOKED) if passage and passage.waits else (_NOBODY, [])
        if self._wall:
            step = self._wall.step(profiles, None, now_us(), rows)
            yield from self._go(profiles, [step], None, ctx)
        for message in messages:
            yield Row(key, encode_message(message))
        if passage and passage.known is not known:
            self._known.update(encode_message(passage.known))
        if passage and passage.waits:
            ctx.timer_service().register_processing_time_timer(now_us() // 1_000 + 1)

    def _lane(self, lane: int, ctx: KeyedProcessFunction.Context) -> Profiles:
        profiles = self._lanes.get(lane)
        if profiles is None:
            within_us, lifetime = self._settings.events.dedup_within_us, self._settings.lifetime
            profiles = Profiles(self._catalog, within_us, lifetime)
            self._lanes[lane] = profiles
            self._state.restore(profiles.journal)
            profiles.expect_ends()
            profiles.expect_columns(self._models)
            self._watch(lane, profiles, ctx)
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return profiles

    def _watch(self, lane: int, profiles: Profiles, ctx: Any) -> None:
        """Have users looked at when the rules ask for it that hold for them."""
        if self._rules is None:
            profiles.watch(self._watched)
            return
        stored = self._known.value()
        kept = None if stored is None else _decode_known(stored)
        passage = self._passages[lane] = Passage(self._rules, profiles, kept)
        if passage.known != kept:
            self._known.update(encode_message(passage.known))
        if passage.waits:
            ctx.timer_service().register_processing_time_timer(now_us() // 1_000 + 1)

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
            if step:
                yield from self._sent(profiles, step, event_at_ms, ctx.get_current_key())
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

    def _sent(
        self, profiles: Profiles, step: Step, event_at_ms: int | None, lane: int
    ) -> Iterator[Any]:
        """What others are told of a step."""
        yield Row(lane, pack(profiles, step, event_at_ms))
        yield from self._samples(profiles, step)

    def _samples(self, profiles: Profiles, step: Step) -> Iterator[Any]:
        for name, update in self._sampler.updates(profiles.table, step):
            yield SAMPLES, Row(name, encode_update(update))

    def _letters(
        self, rejected: Sequence[Rejected], keys: Sequence[bytes], values: Sequence[bytes], now: int
    ) -> Iterator[Any]:
        outputs = self._settings.outputs
        for record in rejected:
            self._metrics.dead_letter(record.reason)
            key = NULL if self._settings.events.key == "none" else keys[record.source]
            letter = dead_letter(record, key, values[record.source], now, outputs.most_letter_bytes)
            kept_key = None if key == NULL else shortened_key(key, outputs.most_letter_bytes)
            yield DEAD_LETTERS, Row(outputs.dead_letters, kept_key, encode(letter))

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
        table = profiles.table
        due_us = int(table.cells(DUE).take_one(table.rows()).min(initial=NEVER))
        self._timers.set(ctx, min(due_us, now_us() + PULSE_US))


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


_decode_known: Final = msgspec.msgpack.Decoder(KnownRules).decode
