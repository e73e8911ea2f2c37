"""Learn where models are of the end of a history: once it is read, and once it is judged.

`LearnFinal` gathers everyone's last profiles and gives a model at the end. State: those with the
lowest tickets so far. `TellFinal` stands where `Learn` does in the run that judges by it, and
publishes its record, once. Key of both: the model's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.base.moments import now_us
from operators.clustering.learning.final import NO_PROFILES, gathered, learned, width_of
from operators.clustering.learning.sample import encode, read
from operators.contracts.records import encode as encode_record
from operators.flink.interpreter import set_up
from operators.flink.streams import END_OF_TIME, FINAL_MODELS, MODEL_RECORDS
from operators.learn import SEED, keyed
from operators.settings import Settings


class LearnFinal(KeyedProcessFunction):
    """Input: (model, `SampleUpdate` as bytes). Output: a `FinalModel` as JSON."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._columns = self._settings.catalog().columns
        bytes_ = Types.PICKLED_BYTE_ARRAY()
        self._gathered = runtime_context.get_state(ValueStateDescriptor("gathered", bytes_))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        name, update = value
        stored = self._gathered.value()
        if stored is None:
            ctx.timer_service().register_event_time_timer(END_OF_TIME)
        before = NO_PROFILES if stored is None else read(stored)
        width = width_of(self._settings.clusters[name], self._columns)
        self._gathered.update(encode(gathered(before, read(update), width)))
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        name = ctx.get_current_key()
        spec, profiles = self._settings.clusters[name], read(self._gathered.value())
        model = learned(name, profiles, spec, self._columns, SEED, now_us())
        if model is not None:
            yield Row(FINAL_MODELS, b"", encode_record(model))


class TellFinal(KeyedProcessFunction):
    """Input: (model, anything). Side output: the record of each model, by model and version."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        told = ValueStateDescriptor("told", Types.BOOLEAN())
        self._told = runtime_context.get_state(told)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        if not self._told.value():
            self._told.update(True)
            given = self._settings.given or {}
            for key, record in keyed(given[value[0]].record):
                yield MODEL_RECORDS, Row(self._settings.outputs.models, key, record)
