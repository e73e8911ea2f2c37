"""From a configuration to what the jobs are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from flink_job.config.load import moment_us
from flink_job.config.model import Config, FileSource, KafkaOutput, KafkaSecurity, KafkaSource
from flink_job.config.secrets import resolve
from flink_job.connectors.changelog import Changelog
from flink_job.connectors.sinks import FolderSink, KafkaSink, Sink
from flink_job.connectors.sources import ControlTopic, EventSource, KafkaEvents, StagedEvents
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics
from flink_job.runtime.run_folder import RunFolder
from flink_job.stores.base import Store
from flink_job.stores.opening import open_store
from operators.base.durations import US_PER_UNIT, parse_duration_us
from operators.base.frame import FeatureColumn
from operators.base.moments import now_us
from operators.contracts.control.messages import Segments
from operators.settings import Clock, Outputs, Settings, judged_columns

# Latency is of no use in a run that ends, and larger batches cost less an event.
_BOUNDED_BATCH_MS: Final = 500
# Base64 makes four bytes of three, and the letter itself takes some.
_LETTER_SHARE: Final = 0.7
_FOLDER_LETTER_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Plan:
    """A configuration with its paths made absolute, and the folder of its run."""

    config: Config
    base: Path
    folder: RunFolder = field(init=False)

    def __post_init__(self) -> None:
        state = self.config.run.state or f".flockwise/{self.config.name}"
        object.__setattr__(self, "folder", RunFolder(self.absolute(state)))

    def absolute(self, path: str) -> Path:
        """A path of the configuration, which is relative to its file."""
        return (self.base / Path(path).expanduser()).resolve()

    def fingerprint(self) -> str:
        """A short name of what a resumed run must have as it was: of a bounded one, all.

        A live run may go on with other features, segments and clusters.
        """
        config = self.config
        judged = (config.features, config.segments, config.clusters, config.run.forget_after)
        kept = (judged if config.bounded else (), config.run.lanes)
        return sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()[:16]

    @property
    def steered(self) -> bool:
        """Whether segments may change while the job runs: it has a control topic."""
        return not self.config.bounded and self.config.output.kafka is not None

    def judged_columns(self) -> Mapping[str, FeatureColumn]:
        """What conditions may name: the features, and the clusters."""
        return judged_columns(self.config.features, self.config.clusters)

    def files(self) -> FileSource | None:
        """The files to read, with absolute paths."""
        files = self.config.source.files
        if files is None:
            return None
        paths = [str(self.absolute(path)) for path in files.paths]
        return msgspec.structs.replace(files, paths=paths)

    def topics(self) -> Topics:
        """Where records go."""
        out = self.config.output.kafka
        if out is None:
            return Topics()
        name = self.config.name
        return Topics(
            assignments=out.assignments,
            transitions=out.transitions,
            dead_letters=out.dead_letters,
            control=out.control or f"{name}-control",
            status=out.status or f"{name}-status",
            models=out.models or f"{name}-models",
        )

    def output_folder(self) -> Path | None:
        """The folder of the changelog, None if it goes to Kafka."""
        folder = self.config.output.folder
        return None if folder is None else self.absolute(folder)

    def input_broker(self) -> Broker | None:
        """Where events come from, None if it is files."""
        source = self.config.source.kafka
        if source is None:
            return None
        return self._broker(source.bootstrap, source.security, "source.kafka")

    def output_broker(self) -> Broker | None:
        """Where records go, None if it is a folder."""
        out = self.config.output.kafka
        return None if out is None else self._broker(out.bootstrap, out.security, "output.kafka")

    def as_of_us(self) -> int | None:
        """The moment that a bounded run is told to end with."""
        as_of = self.config.run.as_of
        return None if as_of is None else moment_us(as_of)

    def segments(self) -> Segments:
        """The segments of the configuration, as a version.

        That of a run that goes on without a control topic is the second in which it is started,
        so that it follows that of the run before; all others are the first.
        """
        goes_on = not self.config.bounded and not self.steered
        return Segments(now_us() // US_PER_UNIT["s"] if goes_on else 1, self.config.segments)

    def settings(self, as_of_us: int | None, segments: Segments) -> Settings:
        """What the operators are told; `as_of_us` is None for a run that does not end."""
        config, topics = self.config, self.topics()
        return Settings(
            events=config.events,
            features=config.features,
            segments=segments,
            clusters=config.clusters,
            clock=Clock(config.wall, config.resolution_us, as_of_us),
            outputs=Outputs(
                assignments=topics.assignments,
                transitions=topics.transitions,
                dead_letters=topics.dead_letters,
                models=topics.models,
                status=topics.status,
                most_letter_bytes=self._letter_bytes(),
            ),
            lanes=config.run.lanes,
            keyed=config.source.kafka is not None,
            lifetime=config.lifetime,
        )

    def source(self) -> EventSource:
        """The events of the job."""
        config = self.config
        batch_ms = _milliseconds(config.run.batch)
        if config.bounded:
            batch_ms = max(batch_ms, _BOUNDED_BATCH_MS)
        if config.source.kafka is None:
            return StagedEvents(self.folder.staged, batch_ms)
        return self._kafka_events(config.source.kafka, batch_ms)

    def sink(self) -> Sink:
        """Where the job's records go."""
        out, broker, topics = self.config.output.kafka, self.output_broker(), self.topics()
        if out is None or broker is None:
            return FolderSink(self.absolute(str(self.config.output.folder)), topics.records())
        return KafkaSink(
            broker.bootstrap,
            (*topics.records(), topics.status),
            transactional_prefix=f"flockwise-{self.config.name}",
            properties={**broker.java_properties(), **_resolved(out)},
        )

    def control(self, offset: int) -> ControlTopic | None:
        """The control topic from an offset on, None for a job without one."""
        out, broker = self.config.output.kafka, self.output_broker()
        if out is None or broker is None or not self.steered:
            return None
        return ControlTopic(
            broker.bootstrap,
            self.topics().control,
            group=f"flockwise-{self.config.name}-control",
            offset=offset,
            properties={**broker.java_properties(), **_resolved(out)},
        )

    def changelog(self) -> Changelog | None:
        """The changelog that `upsert` reads, None if it is in a folder."""
        out, broker = self.config.output.kafka, self.output_broker()
        if out is None or broker is None:
            return None
        return Changelog(
            broker.bootstrap,
            out.assignments,
            out.transitions,
            group=f"flockwise-{self.config.name}-upsert",
            bounded=self.config.bounded,
            batch_ms=_milliseconds(self.config.run.batch),
            properties=broker.java_properties(),
        )

    def store(self) -> Callable[[], Store] | None:
        """Opens the store, where it is used; None without one."""
        spec = self.config.store
        return None if spec is None else partial(open_store, spec.at(self.absolute))

    def checkpoint_ms(self) -> int:
        """How often changes are committed."""
        return _milliseconds(self.config.run.checkpoint)

    def _broker(self, bootstrap: str, security: KafkaSecurity, path: str) -> Broker:
        if security.ca_file is not None:
            ca_file = str(self.absolute(security.ca_file))
            security = msgspec.structs.replace(security, ca_file=ca_file)
        return Broker.of(bootstrap, security, path)

    def _kafka_events(self, source: KafkaSource, batch_ms: int) -> KafkaEvents:
        broker = self.input_broker()
        assert broker is not None  # it is that of the source
        return KafkaEvents(
            broker.bootstrap,
            source.topic,
            group=f"flockwise-{self.config.name}",
            start=_start(source.start),
            bounded=source.bounded,
            batch_ms=batch_ms,
            user_field=self.config.events.user if self.config.events.key == "none" else None,
            properties={**broker.java_properties(), **_resolved(source)},
        )

    def _letter_bytes(self) -> int:
        out = self.output_broker()
        if out is None:
            return _FOLDER_LETTER_BYTES
        largest = kafka.largest_message(out, self.topics().dead_letters)
        return round(largest * _LETTER_SHARE)


def _start(start: str) -> dict[str, str]:
    if start in ("earliest", "latest"):
        return {"scan.startup.mode": f"{start}-offset"}
    return {
        "scan.startup.mode": "timestamp",
        "scan.startup.timestamp-millis": str(moment_us(start) // 1_000),
    }


def _resolved(part: KafkaSource | KafkaOutput) -> dict[str, str]:
    return {name: resolve(value, f"properties.{name}") for name, value in part.properties.items()}


def _milliseconds(duration: str) -> int:
    return max(parse_duration_us(duration) // 1_000, 1)
