"""Measure: adds up what segments and clusters are worth, and tells it by day and cohort.

Key: one for all. State: the totals, by record, and the messages that came since they were added
up. What has changed is told every ten seconds, and by a bounded run at its end. Days and cohorts
that are older than the configuration keeps are let go. Replay: after a restart the messages since
the last checkpoint come again and meet the totals of before them, so nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, Final

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, MapState, MapStateDescriptor

from operators.base.moments import now_us
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import encode
from operators.flink.interpreter import set_up
from operators.flink.metrics import MeasureMetrics
from operators.flink.streams import END_OF_TIME
from operators.outcomes.delta import decode
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.totals import OutcomeTotals
from operators.settings import Settings

_EVERY_MS: Final = 10_000  # a record has a kilobyte, and there may be hundreds that go on changing
_MOST: Final = 32  # messages that wait to be added up


class Measure(KeyedProcessFunction):
    """Input: a `Delta` as bytes. Output: (topic, key, record)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        spec = self._settings.outcomes
        assert spec is not None  # else there is no such operator
        bytes_ = Types.PICKLED_BYTE_ARRAY()
        totals = MapStateDescriptor("outcomes", Types.STRING(), bytes_)
        self._totals = OutcomeTotals(
            Outcomes.of(spec), _Kept(runtime_context.get_map_state(totals))
        )
        self._log = runtime_context.get_list_state(ListStateDescriptor("deltas", bytes_))
        self._bounded = self._settings.clock.as_of_us is not None
        self._waiting = 0
        self._metrics = MeasureMetrics(runtime_context.get_metrics_group())

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        self._log.add(value[0])
        self._waiting += 1
        if self._bounded:
            ctx.timer_service().register_event_time_timer(END_OF_TIME)
        else:
            at_ms = (now_us() // 1_000 // _EVERY_MS + 1) * _EVERY_MS
            ctx.timer_service().register_processing_time_timer(at_ms)
        if self._waiting >= _MOST:
            self._add_up()
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        self._add_up()
        records = self._totals.everything if self._bounded else self._totals.take_changed
        yield from self._rows(records(now_us()))

    def _add_up(self) -> None:
        messages = list(self._log.get() or ())
        for message in messages:
            self._totals.add(decode(message))
        self._log.clear()
        self._waiting = 0
        self._metrics.added(len(messages))

    def _rows(self, records: Iterable[tuple[str, OutcomeRecord]]) -> Iterator[Row]:
        topic = self._settings.outputs.outcomes
        for key, record in records:
            yield Row(topic, key.encode(), encode(record))
            if record.gone:
                yield Row(topic, key.encode(), None)  # it has Kafka drop what is older
            self._metrics.published(deleted=record.gone)
        self._metrics.known(*self._totals.known)


class _Kept(MutableMapping[str, bytes]):
    """Flink's state of the key as a mapping."""

    def __init__(self, state: MapState) -> None:
        self._state = state

    def __getitem__(self, key: str) -> bytes:
        found: bytes | None = self._state.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: bytes) -> None:
        self._state.put(key, value)

    def __delitem__(self, key: str) -> None:
        self._state.remove(key)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._state.keys()))

    def __len__(self) -> int:
        return len(list(self._state.keys()))
