"""The two jobs, each on one screen. Running them is `flink_job.runtime.running`'s."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyflink.common import Types

from flink_job.connectors.changelog import Changelog, changelog_batches
from flink_job.connectors.sinks import Sink, discard, unpacked
from flink_job.connectors.sources import ControlTopic, EventSource, micro_batches
from flink_job.runtime.environment import Environment
from operators.assign import Assign
from operators.contracts.store import StoreWriter
from operators.final_profile import FinalProfile
from operators.flink.streams import (
    DEAD_LETTERS,
    EVALUATIONS,
    MODEL,
    MODEL_RECORDS,
    MODELS,
    OUTCOMES,
    OUTPUT,
    RECORDS,
    SAMPLES,
    TOTALS,
)
from operators.learn import Learn
from operators.learn_final import LearnFinal, TellFinal
from operators.measure import Measure
from operators.profile import Profile, SteeredProfile
from operators.settings import Settings
from operators.steer import Steer
from operators.upsert import Upsert


def define_segment_job(
    environment: Environment,
    settings: Settings,
    lane_keys: Sequence[int],
    source: EventSource,
    sink: Sink,
    *,
    ledger: Sink | None = None,
    control: ControlTopic | None = None,
) -> None:
    """Events in, segments out: batches of a lane -> Profile -> (Learn ->) Assign -> the sink.

    What segments are worth goes from Assign to Measure, where the configuration has outcomes.

    A bounded run tells in a `ledger` what became of its records; the segments of others change
    by what Steer takes from `control`, which comes to Profile first, and through it to Assign.
    """
    tables = environment.tables
    batches = micro_batches(environment, source, lanes=len(lane_keys))
    if control:
        steered = (
            control.messages(environment)
            .key_by(lambda message: 0, Types.INT())
            .process(Steer(settings, lane_keys), EVALUATIONS)
            .uid("steer")
            .name("Steer")
        )
        profiling = (
            batches.connect(steered)
            .key_by(lambda batch: lane_keys[batch[0]], lambda told: told[0], Types.INT())
            .process(SteeredProfile(settings), EVALUATIONS)
        )
    else:
        keyed = batches.key_by(lambda batch: lane_keys[batch[0]], Types.INT())
        profiling = keyed.process(Profile(settings), EVALUATIONS)
    profiled = profiling.uid("profile").name("Profile")
    learn = Learn(settings) if settings.given is None else TellFinal(settings)
    learned = (
        profiled.get_side_output(SAMPLES)
        .key_by(lambda sample: sample[0], Types.STRING())
        .process(learn, MODEL)
        .uid("learn")
        .name("Learn")
    )
    # A side output comes with a Python operator of its own. In one thread with Learn the two would
    # share it, and some libraries that Learn imports wait for the interpreter's lock for ever.
    described = learned.get_side_output(MODEL_RECORDS).disable_chaining()
    told = profiled.get_side_output(DEAD_LETTERS).union(described)
    if control:
        told = told.union(steered.get_side_output(DEAD_LETTERS))
    assigned = (
        profiled.key_by(lambda message: message[0], Types.INT())
        .connect(learned.broadcast(MODELS))
        .process(Assign(settings), RECORDS)
        .uid("assign")
        .name("Assign")
    )
    if settings.outcomes:
        measured = (
            assigned.get_side_output(OUTCOMES)
            .key_by(lambda delta: 0, Types.INT())
            .process(Measure(settings), OUTPUT)
            .uid("measure")
            .name("Measure")
        )
        told = told.union(measured)
    sink.write(tables, unpacked(tables, assigned).union_all(tables.from_data_stream(told)))
    if ledger:
        ledger.write(tables, tables.from_data_stream(profiled.get_side_output(TOTALS)))


def define_learning_job(
    environment: Environment,
    settings: Settings,
    lane_keys: Sequence[int],
    source: EventSource,
    found: Sink,
) -> None:
    """A history -> its users' last profiles -> the cluster models of its end -> where they go."""
    tables = environment.tables
    profiled = (
        micro_batches(environment, source, lanes=len(lane_keys))
        .key_by(lambda batch: lane_keys[batch[0]], Types.INT())
        .process(FinalProfile(settings), EVALUATIONS)
        .uid("profile")
        .name("Profile")
    )
    learned = (
        profiled.get_side_output(SAMPLES)
        .key_by(lambda sample: sample[0], Types.STRING())
        .process(LearnFinal(settings), OUTPUT)
        .uid("learn")
        .name("Learn")
    )
    found.write(tables, tables.from_data_stream(learned))


def define_upsert_job(
    environment: Environment, changelog: Changelog, open_store: Callable[[], StoreWriter]
) -> None:
    """The committed changelog in batches -> Upsert, which writes the store."""
    written = (
        changelog_batches(environment.tables, changelog)
        .key_by(lambda batch: 0, Types.INT())
        .process(Upsert(open_store), Types.STRING())
        .uid("upsert")
        .name("Upsert")
    )
    discard(environment.tables, written)
