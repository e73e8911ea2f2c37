"""The plan of the jobs: thread mode everywhere, and ids that keep their state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyflink.common import Types

from flink_job.config.load import check
from flink_job.connectors.changelog import Changelog
from flink_job.connectors.sinks import KafkaSink
from flink_job.connectors.sources import ControlTopic, KafkaEvents
from flink_job.job import define_segment_job, define_upsert_job
from flink_job.jobs import parts
from flink_job.jobs.ledger import ledger_sink
from flink_job.plan import Plan
from flink_job.runtime.environment import Environment, Flink, spread_lanes
from flink_job.runtime.graph import Operator, operators, start
from flink_job.stack.jars import ensure_jars, jars_present
from operators.base.errors import JobError
from tests.flink.harness import config_of
from tests.flink.minicluster import start_java
from tests.property.replay_cases import CHOSEN, SEGMENTS

pytestmark = pytest.mark.flink


def environment(tmp_path: Path, **settings: str) -> Environment:
    start_java(tmp_path / "logs")
    jars = sorted(ensure_jars(["flink"])["flink"].glob("*.jar")) if jars_present("flink") else ()
    return Environment.create(
        Flink(checkpoints=tmp_path.as_uri(), checkpoint_ms=1_000, jars=jars, more=settings)
    )


def plan(tmp_path: Path, **more: Any) -> Plan:
    clusters = {"shoppers": {"k": 3, "features": ["views_10m", "spend_1h"]}}
    config = config_of(CHOSEN, SEGMENTS, clusters=clusters, **more)
    return Plan(check(config, "the test"), tmp_path)


def segment_over_files(tmp_path: Path, env: Environment) -> None:
    chosen = plan(tmp_path)
    lanes = spread_lanes(4)
    ledger = ledger_sink(tmp_path)
    settings = parts.settings(chosen, 1, chosen.segments())
    source, sink = parts.source(chosen), parts.sink(chosen, None)
    define_segment_job(env, settings, lanes, source, sink, ledger=ledger)


def segment_over_kafka(tmp_path: Path, env: Environment, **more: Any) -> None:
    source = KafkaEvents(
        "nowhere:1",
        "events",
        "g",
        {"scan.startup.mode": "latest-offset"},
        bounded=False,
        batch_ms=50,
    )
    sink = KafkaSink("nowhere:1", ("a", "t", "d", "m", "s"), "prefix")
    control = ControlTopic("nowhere:1", "control", "g", offset=7)
    chosen = plan(tmp_path, **more)
    settings = parts.settings(chosen, None, chosen.segments())
    define_segment_job(env, settings, spread_lanes(4), source, sink, control=control)


def segment_that_measures(tmp_path: Path, env: Environment) -> None:
    segment_over_kafka(tmp_path, env, outcomes={"conversion": {"event": "purchase"}})


def upsert(tmp_path: Path, env: Environment) -> None:
    changelog = Changelog("nowhere:1", "a", "t", "group", bounded=False, batch_ms=50)
    define_upsert_job(env, changelog, lambda: pytest.fail("nothing runs here"))


def upsert_of_outcomes(tmp_path: Path, env: Environment) -> None:
    changelog = Changelog("nowhere:1", "a", "t", "group", bounded=False, batch_ms=50, outcomes="o")
    define_upsert_job(env, changelog, lambda: pytest.fail("nothing runs here"))


def ids(found: list[Operator]) -> list[tuple[str | None, str]]:
    return [(op.uid, op.name) for op in found if op.uid is not None]


FILES = [
    ("events", "Source: events"),
    ("sql-1-external-datastream", "DataStreamToTable"),
    ("sql-2-calc", "Calc[2]"),
    ("sql-3-watermark-assigner", "WatermarkAssigner[3]"),
    ("sql-4-calc", "Calc[4]"),
    ("sql-5-local-window-aggregate", "LocalWindowAggregate[5]"),
    ("sql-7-global-window-aggregate", "GlobalWindowAggregate[7]"),
    ("sql-8-calc", "Calc[8]"),
    ("sql-9-constraint-validator", "ConstraintEnforcer[9]"),
    ("sql-9-external-datastream", "TableToDataStream"),
    ("profile", "Profile"),
    ("learn", "Learn"),
    ("assign", "Assign"),
    ("sql-10-external-datastream", "DataStreamToTable"),
    ("sql-11-correlate", "Correlate[11]"),
    ("sql-12-calc", "Calc[12]"),
    ("sql-13-external-datastream", "DataStreamToTable"),
    ("sql-14-calc", "Calc[14]"),
    ("sql-16-external-datastream", "TableToDataStream"),
    ("sql-17-external-datastream", "DataStreamToTable"),
    ("sql-18-correlate", "Correlate[18]"),
    ("sql-19-calc", "Calc[19]"),
    ("sql-20-external-datastream", "DataStreamToTable"),
    ("sql-21-calc", "Calc[21]"),
    ("sql-23-external-datastream", "TableToDataStream"),
    ("sql-24-external-datastream", "DataStreamToTable"),
    ("sql-25-correlate", "Correlate[25]"),
    ("sql-26-calc", "Calc[26]"),
    ("sql-27-external-datastream", "DataStreamToTable"),
    ("sql-28-calc", "Calc[28]"),
    ("sql-30-external-datastream", "TableToDataStream"),
    ("sql-31-external-datastream", "DataStreamToTable"),
    ("sql-32-correlate", "Correlate[32]"),
    ("sql-33-calc", "Calc[33]"),
    ("sql-34-external-datastream", "DataStreamToTable"),
    ("sql-35-calc", "Calc[35]"),
    ("sql-37-external-datastream", "TableToDataStream"),
    ("sql-38-external-datastream", "DataStreamToTable"),
    ("sql-39-calc", "Calc[39]"),
    ("sql-40-external-datastream", "TableToDataStream"),
    ("folder-assignments", "assignments: Writer"),
    ("Sink Committer: folder-assignments", "assignments: Committer"),
    ("folder-transitions", "transitions: Writer"),
    ("Sink Committer: folder-transitions", "transitions: Committer"),
    ("folder-dead-letters", "dead-letters: Writer"),
    ("Sink Committer: folder-dead-letters", "dead-letters: Committer"),
    ("folder-models", "models: Writer"),
    ("Sink Committer: folder-models", "models: Committer"),
    ("folder-ledger", "ledger: Writer"),
    ("Sink Committer: folder-ledger", "ledger: Committer"),
]
KAFKA = [
    ("sql-1-kafka", "Source: KafkaSource-default_catalog.default_database.events"),
    ("sql-2-calc", "Calc[2]"),
    ("sql-4-window-aggregate", "WindowAggregate[4]"),
    ("sql-5-calc", "Calc[5]"),
    ("sql-6-constraint-validator", "ConstraintEnforcer[6]"),
    ("sql-6-external-datastream", "TableToDataStream"),
    ("sql-7-kafka", "Source: KafkaSource-default_catalog.default_database.control"),
    ("sql-8-calc", "Calc[8]"),
    ("sql-9-constraint-validator", "ConstraintEnforcer[9]"),
    ("sql-9-external-datastream", "TableToDataStream"),
    ("steer", "Steer"),
    ("profile", "Profile"),
    ("learn", "Learn"),
    ("assign", "Assign"),
    ("sql-10-external-datastream", "DataStreamToTable"),
    ("sql-11-correlate", "Correlate[11]"),
    ("sql-12-calc", "Calc[12]"),
    ("sql-13-external-datastream", "DataStreamToTable"),
    ("sql-14-calc", "Calc[14]"),
    ("sql-16-constraint-validator", "ConstraintEnforcer[16]"),
    ("sql-16-sink", "outputs[16]: Writer"),
    ("Sink Committer: sql-16-sink", "outputs[16]: Committer"),
]
# A job from before goes on with outcomes: all else has the ids that it had.
MEASURES = [*KAFKA[:14], ("measure", "Measure"), *KAFKA[14:]]
UPSERT = [
    ("sql-1-kafka", "Source: KafkaSource-default_catalog.default_database.assignments"),
    ("sql-2-calc", "Calc[2]"),
    ("sql-3-kafka", "Source: KafkaSource-default_catalog.default_database.transitions"),
    ("sql-4-calc", "Calc[4]"),
    ("sql-7-window-aggregate", "WindowAggregate[7]"),
    ("sql-8-calc", "Calc[8]"),
    ("sql-9-constraint-validator", "ConstraintEnforcer[9]"),
    ("sql-9-external-datastream", "TableToDataStream"),
    ("upsert", "Upsert"),
    ("sql-10-external-datastream", "DataStreamToTable"),
    ("sql-11-sink", "nowhere[11]: Writer"),
]


def test_over_files_operators_keep_their_ids_and_python_runs_in_threads(tmp_path: Path) -> None:
    check_plan(tmp_path, segment_over_files, FILES)


@pytest.mark.usefixtures("server_jars")
@pytest.mark.parametrize(
    ("define", "expected"),
    # With outcomes, `upsert` goes on from a state of before there were any.
    [
        (segment_over_kafka, KAFKA),
        (segment_that_measures, MEASURES),
        (upsert, UPSERT),
        (upsert_of_outcomes, UPSERT),
    ],
)
def test_over_kafka_operators_keep_their_ids_and_python_runs_in_threads(
    tmp_path: Path,
    define: Callable[[Path, Environment], None],
    expected: list[tuple[str, str]],
) -> None:
    check_plan(tmp_path, define, expected)


def check_plan(
    tmp_path: Path,
    define: Callable[[Path, Environment], None],
    expected: list[tuple[str, str]],
) -> None:
    # Another job planned first in this JVM must not change the ids.
    segment_over_files(tmp_path, environment(tmp_path))
    chosen = environment(tmp_path)
    define(tmp_path, chosen)
    found = operators(chosen.stream)
    assert ids(found) == expected
    python = [op for op in found if "Python" in op.kind]
    assert len(python) >= 2
    assert all(op.kind.startswith("EmbeddedPython") for op in python)
    # With another Python operator there, what Learn imports would wait for ever: see job.py.
    assert not any("Learn" in thread for thread in threads(chosen) if thread != "Learn")


def threads(chosen: Environment) -> list[str]:
    """The names of the operators that share a thread, joined."""
    graph = chosen.stream._generate_stream_graph(False).getJobGraph()
    found = graph.getVerticesSortedTopologicallyFromSources()
    return [found.get(at).getName() for at in range(found.size())]


def test_python_in_a_process_is_refused(tmp_path: Path) -> None:
    chosen = environment(tmp_path, **{"python.execution-mode": "process"})
    chosen.stream.from_collection([1], Types.INT()).map(lambda n: n, Types.INT()).print()
    with pytest.raises(JobError, match=r"expected all Python in thread mode.*Map"):
        start(chosen.stream, "never")
