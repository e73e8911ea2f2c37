"""Learn: learns cluster models from samples of profiles and publishes their versions.

Key: the model's name. State: one snapshot of the learner, as `Learner.to_bytes` writes it,
after each sample. It lives as long as the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.clustering.learning.learner import Learner
from operators.clustering.space import Space
from operators.interpreter import set_up
from operators.profile import BYTES, END_OF_TIME
from operators.settings import Settings

MODEL: Final = Types.ROW_NAMED(["name", "model"], [Types.STRING(), BYTES])
_SEED: Final = 20_261_123  # of the warm start: a run over the same profiles gives the same model


class Learn(KeyedProcessFunction):
    """Input: (model, points as float64[n, d]). Output: (model, `ClusterModel` as bytes)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._columns = self._settings.catalog().columns
        self._learners: dict[str, Learner] = {}
        self._state = runtime_context.get_state(
            ValueStateDescriptor("learner", Types.PICKLED_BYTE_ARRAY())
        )

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        name, points = value
        learner = self._learner(name, ctx)
        width = len(self._space(name))
        learner.learn(np.frombuffer(points, np.float64).reshape(-1, width))
        model = learner.publish()
        self._state.update(learner.to_bytes())
        if model is not None:
            yield Row(name, model.to_bytes())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        name = ctx.get_current_key()
        learner = self._learner(name, ctx)
        model = learner.finish()
        self._state.update(learner.to_bytes())
        if model is not None:
            yield Row(name, model.to_bytes())

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
