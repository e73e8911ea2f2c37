"""What the jobs of a plan are made of: settings, sources and sinks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flink_job.config.load import moment_us
from flink_job.config.model import KafkaSource
from flink_job.connectors.changelog import Changelog
from flink_job.connectors.sinks import FolderSink, KafkaSink, Sink
from flink_job.connectors.sources import ControlTopic, EventSource, KafkaEvents, StagedEvents
from flink_job.jobs.tuning import UPSERT, segment_tuning
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.configured import client_properties
from flink_job.leases.still_held import StillHeld
from flink_job.plan import Plan
from operators.contracts.control.messages import Segments
from operators.contracts.leases import Lease
from operators.settings import Clock, Outputs, Settings

# Base64 makes four bytes of three, and the letter itself takes some.
_LETTER_SHARE: Final = 0.7
_FOLDER_LETTER_BYTES: Final = 16 * 1024 * 1024


def settings(
    plan: Plan, as_of_us: int | None, segments: Segments, lease: Lease | None = None
) -> Settings:
    """What the operators are told; `as_of_us` is None for a run that does not end.

    Raises:
        PreflightError: Kafka does not answer, or the topic of dead letters is not there.
    """
    config, broker = plan.config, plan.kafka.output_broker()
    told = Settings(
        events=config.events,
        features=config.features,
        segments=segments,
        clusters=config.clusters,
        clock=Clock(config.wall, config.resolution_us, as_of_us),
        outputs=_outputs(plan),
        lanes=config.run.lanes,
        keyed=config.source.kafka is not None,
        lifetime=config.lifetime,
        lease=lease,
        roster_user=config.roster_user,
        memory=config.memory_bytes,
        outcomes=config.outcomes,
    )
    if lease is None or broker is None:
        return told
    return replace(told, may_begin=StillHeld(broker, told.outputs.leases, lease))


def source(plan: Plan) -> EventSource:
    """The events of the `segment` job."""
    batch_ms = segment_tuning(plan.config).batch_ms(plan.config.run)
    kafka_source = plan.config.source.kafka
    if kafka_source is None:
        return StagedEvents(plan.folder.staged, batch_ms)
    return _kafka_events(plan, kafka_source, batch_ms)


def sink(plan: Plan, lease: Lease | None) -> Sink:
    """Where the `segment` job's records go."""
    topics = plan.kafka.topics()
    out, broker = plan.config.output.kafka, plan.kafka.output_broker()
    if out is None or broker is None:
        folder = plan.paths.output_folder()
        assert folder is not None  # a configuration has one of the two
        return FolderSink(folder, topics.records())
    return KafkaSink(
        broker.bootstrap,
        # All of them must be there: Flink looks in each for what an earlier start has left open.
        (*topics.records(), *([topics.status] if plan.steered else []), topics.leases),
        transactional_prefix=plan.kafka.transactional_prefix(lease),
        properties=client_properties(out, broker),
    )


def control(plan: Plan, offset: int) -> ControlTopic | None:
    """The control topic from an offset on, None for a job without one."""
    out, broker = plan.config.output.kafka, plan.kafka.output_broker()
    if out is None or broker is None or not plan.steered:
        return None
    return ControlTopic(
        broker.bootstrap,
        plan.kafka.topics().control,
        group=f"flockwise-{plan.config.name}-control",
        offset=offset,
        properties=client_properties(out, broker),
    )


def changelog(plan: Plan) -> Changelog | None:
    """The changelog that `upsert` reads, None if it is in a folder."""
    broker, topics = plan.kafka.output_broker(), plan.kafka.topics()
    if broker is None:
        return None
    return Changelog(
        broker.bootstrap,
        topics.assignments,
        topics.transitions,
        group=plan.kafka.upsert_group(),
        bounded=plan.config.bounded,
        batch_ms=UPSERT.batch_ms(plan.config.run),
        properties=broker.java_properties(),
        outcomes=topics.outcomes,
    )


def _outputs(plan: Plan) -> Outputs:
    topics = plan.kafka.topics()
    return Outputs(
        assignments=topics.assignments,
        transitions=topics.transitions,
        dead_letters=topics.dead_letters,
        models=topics.models,
        outcomes=topics.outcomes,
        status=topics.status if plan.steered else None,
        leases=topics.leases,
        most_letter_bytes=_letter_bytes(plan),
    )


def _letter_bytes(plan: Plan) -> int:
    out = plan.kafka.output_broker()
    if out is None:
        return _FOLDER_LETTER_BYTES
    return round(kafka.largest_message(out, plan.kafka.topics().dead_letters) * _LETTER_SHARE)


def _kafka_events(plan: Plan, source: KafkaSource, batch_ms: int) -> KafkaEvents:
    broker, events = plan.kafka.input_broker(), plan.config.events
    assert broker is not None  # it is that of the source
    return KafkaEvents(
        broker.bootstrap,
        source.topic,
        group=plan.kafka.segment_group(),
        start=_start(source.start),
        bounded=source.bounded,
        batch_ms=batch_ms,
        user_field=events.user if events.key == "none" else None,
        roster=plan.config.roster_topic,
        roster_user=plan.config.roster_user,
        properties=client_properties(source, broker),
    )


def _start(start: str) -> dict[str, str]:
    if start in ("earliest", "latest"):
        return {"scan.startup.mode": f"{start}-offset"}
    return {
        "scan.startup.mode": "timestamp",
        "scan.startup.timestamp-millis": str(moment_us(start) // 1_000),
    }
