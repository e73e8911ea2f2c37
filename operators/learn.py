"""Learn: learns cluster models from samples of profiles and publishes their versions.

Key: the model's name. State: one snapshot of the learner, as `Learner.to_bytes` writes it,
after each sample. It lives as long as the job.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.clustering.learning.learner import Learner
from operators.clustering.model import ClusterModel
from operators.clustering.record import ModelRecord, describe
from operators.clustering.space import Space
from operators.interpreter import set_up
from operators.metrics import LearnMetrics
from operators.moments import iso_at, now_us
from operators.profile import BYTES, END_OF_TIME, OUTPUT
from operators.records import encode
from operators.settings import Settings

KEPT: Final = 100  # versions of a model that stay described
MODEL_RECORDS: Final = OutputTag("model-records", OUTPUT)
MODEL: Final = Types.ROW_NAMED(["name", "model"], [Types.STRING(), BYTES])
_SEED: Final = 20_261_123  # of the warm start: a run over the same profiles gives the same model


class Learn(KeyedProcessFunction):
    """Input: (model, points as float64[n, d]). Output: (model, `ClusterModel` as bytes).

    Side output: each version as a `ModelRecord`, by model and version.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._columns = self._settings.catalog().columns
        self._learners: dict[str, Learner] = {}
        self._metrics = LearnMetrics(runtime_context.get_metrics_group())
        self._state = runtime_context.get_state(
            ValueStateDescriptor("learner", Types.PICKLED_BYTE_ARRAY())
        )

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        started = time.perf_counter_ns()
        name, encoded = value
        learner = self._learner(name, ctx)
        points = np.frombuffer(encoded, np.float64).reshape(-1, len(self._space(name)))
        learner.learn(points)
        model = learner.publish()
        self._state.update(learner.to_bytes())
        if model is not None:
            yield from self._published(name, model, learner)
        self._metrics.learned(name, len(points), time.perf_counter_ns() - started)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        name = ctx.get_current_key()
        learner = self._learner(name, ctx)
        published = learner.version
        model = learner.finish()
        self._state.update(learner.to_bytes())
        if model is not None and model.version > published:
            yield from self._published(name, model, learner)

    def _published(self, name: str, model: ClusterModel, learner: Learner) -> Iterator[Any]:
        """A version, for Assign and for people."""
        yield Row(name, model.to_bytes())
        record = describe(name, model, learner.sample, iso_at(now_us()))
        for key, value in keyed(record):
            yield MODEL_RECORDS, Row(self._settings.outputs.models, key, value)
        self._metrics.published(name, model)

    def _space(self, name: str) -> Space:
        return Space.of(self._settings.clusters[name].features, self._columns)

    def _learner(self, name: str, ctx: KeyedProcessFunction.Context) -> Learner:
        learner = self._learners.get(name)
        if learner is None:
            stored = self._state.value()
            spec, space = self._settings.clusters[name], self._space(name)
            learner = (
                Learner(spec, space, _SEED)
                if stored is None
                else Learner.from_bytes(stored, spec, space, _SEED)
            )
            self._learners[name] = learner
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return learner


def keyed(record: ModelRecord) -> Iterator[tuple[bytes, bytes | None]]:
    """A version with its key, and the tombstone of the one that is too old by now."""
    yield f"{record.model}/{record.version}".encode(), encode(record)
    if record.version > KEPT:
        yield f"{record.model}/{record.version - KEPT}".encode(), None
