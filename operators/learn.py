"""Learn: learns cluster models from what becomes of a sample of users, and publishes versions.

Key: the model's name. State: a snapshot of the learner, as `Learner.to_bytes` writes it, and the
updates since, which are few bytes each; they are folded into it with every version, and when there
are many. Users who are forgotten leave the sample at once, and the state with the next snapshot;
all users do when the configuration no longer has the model, but its versions and ids count on.
Replay: after a restart the updates since the last checkpoint come again, and meet the learner of
before them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from operators.base.moments import iso_at, now_us
from operators.clustering.learning.learner import Learner, without_users
from operators.clustering.learning.sample import read
from operators.clustering.model import ClusterModel
from operators.clustering.record import ModelRecord, describe
from operators.contracts.records import encode
from operators.flink.interpreter import set_up
from operators.flink.metrics import LearnMetrics
from operators.flink.streams import END_OF_TIME, MODEL_RECORDS
from operators.settings import Settings

KEPT: Final = 100  # versions of a model that stay described
SEED: Final = 20_261_123  # of every fit: a run over the same profiles gives the same models
_LONGEST_LOG: Final = 1_024  # updates
_LONGEST_WITH_FORGOTTEN: Final = 64  # so soon the log lets go of them, too
_PULSE_MS: Final = 10_000  # so soon after a restore a model that is gone is seen


class Learn(KeyedProcessFunction):
    """Input: (model, `SampleUpdate` as bytes). Output: (model, `ClusterModel` as bytes).

    Side output: each version as a `ModelRecord`, by model and version.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open(self, runtime_context: RuntimeContext) -> None:
        set_up()
        self._columns = self._settings.catalog().columns
        self._learners: dict[str, Learner] = {}
        self._logged: dict[str, int] = {}  # updates since the snapshot, by model
        self._longest: dict[str, int] = {}  # that their log may get
        self._metrics = LearnMetrics(runtime_context.get_metrics_group())
        bytes_ = Types.PICKLED_BYTE_ARRAY()
        self._snapshot = runtime_context.get_state(ValueStateDescriptor("learner", bytes_))
        self._log = runtime_context.get_list_state(ListStateDescriptor("updates", bytes_))

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        started_ns = time.thread_time_ns()
        name, update = value
        learner = self._learner(name, ctx)
        profiles = self._learn(name, learner, update)
        model = learner.publish()
        if model is None and self._logged[name] < self._longest[name]:
            self._log.add(update)
        else:
            self._fold(name, learner)
        if model is not None:
            yield from self._published(name, model, learner)
        self._metrics.learned(name, profiles, time.thread_time_ns() - started_ns)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        name = ctx.get_current_key()
        if name not in self._settings.clusters:
            self._let_go()
        elif timestamp == END_OF_TIME:
            yield from self._finish(name, ctx)
        else:
            _look_again(ctx)

    def _finish(self, name: str, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        learner = self._learner(name, ctx)
        published = learner.version
        model = learner.finish()
        self._fold(name, learner)
        if model is not None and model.version > published:
            yield from self._published(name, model, learner)

    def _published(self, name: str, model: ClusterModel, learner: Learner) -> Iterator[Any]:
        """A version, for Assign and for people."""
        yield Row(name, model.to_bytes())
        record = describe(name, model, learner.sample.points(), iso_at(now_us()))
        for key, value in keyed(record):
            yield MODEL_RECORDS, Row(self._settings.outputs.models, key, value)
        self._metrics.published(name, model)

    def _learner(self, name: str, ctx: KeyedProcessFunction.Context) -> Learner:
        learner = self._learners.get(name)
        if learner is None:
            learner = self._learners[name] = self._restored(name)
            _look_again(ctx)
            if self._settings.clock.as_of_us is not None:
                ctx.timer_service().register_event_time_timer(END_OF_TIME)
        return learner

    def _restored(self, name: str) -> Learner:
        spec, stored = self._settings.clusters[name], self._snapshot.value()
        if stored is None:
            learner = Learner(spec, self._columns, SEED)
        else:
            learner = Learner.from_bytes(stored, spec, self._columns, SEED)
        if stored is None or learner.anew:
            self._fold(name, learner)
            return learner
        self._logged[name], self._longest[name] = 0, _LONGEST_LOG
        for update in list(self._log.get() or ()):
            self._learn(name, learner, update)
        return learner

    def _learn(self, name: str, learner: Learner, raw: bytes) -> int:
        update = read(raw)
        self._logged[name] += 1
        if update.gone:
            self._longest[name] = _LONGEST_WITH_FORGOTTEN
        return learner.learn(update)

    def _fold(self, name: str, learner: Learner) -> None:
        """Write all of a learner as one snapshot."""
        self._snapshot.update(learner.to_bytes())
        self._log.clear()
        self._logged[name], self._longest[name] = 0, _LONGEST_LOG

    def _let_go(self) -> None:
        """Keep no users of a model that the configuration no longer has."""
        stored = self._snapshot.value()
        if stored is not None:
            self._snapshot.update(without_users(stored))
        self._log.clear()


def _look_again(ctx: KeyedProcessFunction.Context) -> None:
    """Have a timer of the model's key fire soon; it outlives the job that set it."""
    at_ms = (now_us() // 1_000 // _PULSE_MS + 1) * _PULSE_MS
    ctx.timer_service().register_processing_time_timer(at_ms)


def keyed(record: ModelRecord) -> Iterator[tuple[bytes, bytes | None]]:
    """A version with its key, and the tombstone of the one that is too old by now."""
    yield f"{record.model}/{record.version}".encode(), encode(record)
    if record.version > KEPT:
        yield f"{record.model}/{record.version - KEPT}".encode(), None
