"""The Kafkas of a configuration: how to reach them, and the topics there."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from flink_job.config.model import KafkaOutput, KafkaSource
from flink_job.config.paths import Paths
from flink_job.config.secrets import resolve
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics
from operators.contracts.leases import Lease


@dataclass(frozen=True)
class ConfiguredKafka:
    """What a configuration says of Kafka, with its references resolved when they are asked for.

    Brokers and properties raise:
        UsageError: a variable that is referred to is not set.
    """

    paths: Paths

    def input_broker(self) -> Broker | None:
        """Where events come from, None if it is files."""
        source = self.paths.config.source.kafka
        return None if source is None else self._broker(source, "source.kafka")

    def output_broker(self) -> Broker | None:
        """Where records go, None if it is a folder."""
        out = self.paths.config.output.kafka
        return None if out is None else self._broker(out, "output.kafka")

    def topics(self) -> Topics:
        """The names under which records go out, to Kafka or a folder."""
        config = self.paths.config
        out, name, measures = config.output.kafka, config.name, config.outcomes is not None
        if out is None:
            return Topics(outcomes="outcomes" if measures else None)
        return Topics(
            assignments=out.assignments,
            transitions=out.transitions,
            dead_letters=out.dead_letters,
            control=out.control or f"{name}-control",
            status=out.status or f"{name}-status",
            models=out.models or f"{name}-models",
            outcomes=(out.outcomes or f"{name}-outcomes") if measures else None,
            leases=out.leases,
        )

    def segment_group(self) -> str:
        """The group of consumers as which the `segment` job reads events."""
        return f"flockwise-{self.paths.config.name}"

    def upsert_group(self) -> str:
        """The group of consumers as which the `upsert` job reads the changelog."""
        return f"flockwise-{self.paths.config.name}-upsert"

    def transactional_prefix(self, lease: Lease | None) -> str:
        """How the ids of the `segment` job's transactions begin, in each start by its lease."""
        job = f"flockwise-{self.paths.config.name}"
        return job if lease is None else f"{job}@{lease.fence}"

    def changelog(self) -> str:
        """The changelog, told apart from all others: its topic and Kafka's own id, or its folder.

        Raises:
            PreflightError: Kafka does not answer.
        """
        broker = self.output_broker()
        if broker is None:
            return f"folder {self.paths.output_folder()}"
        return f"topic {self.topics().assignments} of the Kafka {kafka.cluster_id(broker)}"

    def _broker(self, part: KafkaSource | KafkaOutput, path: str) -> Broker:
        security = part.security
        if security.ca_file is not None:
            ca_file = str(self.paths.absolute(security.ca_file))
            security = msgspec.structs.replace(security, ca_file=ca_file)
        return Broker.of(part.bootstrap, security, path)


def client_properties(part: KafkaSource | KafkaOutput, broker: Broker) -> dict[str, str]:
    """How Flink's client logs in to a broker, and the properties that its part says.

    Raises:
        UsageError: a variable that is referred to is not set.
    """
    said = {name: resolve(value, f"properties.{name}") for name, value in part.properties.items()}
    return {**broker.java_properties(), **said}
