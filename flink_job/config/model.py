"""What stands in a configuration file. Paths in it are relative to the file's folder."""

from __future__ import annotations

from typing import Literal

import msgspec

from flink_job.config.secrets import Reference
from flink_job.config.store import StoreSpec
from operators.base.durations import parse_duration_us
from operators.base.sizes import parse_size_bytes
from operators.clustering.spec import ClusterSpec
from operators.events.names import joined
from operators.events.spec import EventsSpec, FieldName
from operators.features.asked import NOTHING_BESIDE, ReadBeside
from operators.features.catalog import Catalog
from operators.features.lifetime import Lifetime
from operators.features.spec import FeatureSpec
from operators.outcomes.outcomes import read_beside
from operators.outcomes.spec import OutcomesSpec
from operators.rules.spec import SegmentSpec


class KafkaSecurity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to log in to Kafka. `user` and `password` are references such as ${KAFKA_PASSWORD}.

    `ca_file` (PEM) names the authority of the brokers' certificates, where it is not one that
    every machine knows.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    user: Reference | None = None
    password: Reference | None = None
    ca_file: str | None = None


class KafkaSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events from a Kafka topic, whose key is the user.

    `start` says where a run without a checkpoint begins: earliest, latest, or an ISO 8601
    time. A `bounded` run ends at what the topic holds when it starts. `properties` are the
    Kafka client's own.
    """

    bootstrap: str
    topic: str
    start: str = "earliest"
    bounded: bool = False
    security: KafkaSecurity = KafkaSecurity()
    properties: dict[str, str] = {}


class FileSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events from files, in the order of time, or `as_is`: in the order given, line by line.

    `paths` are files, folders and patterns such as `exports/*.csv.gz`. Without a `format`, their
    names say it. Tables need a header, or their `columns` named here; `separator`, `decimal`
    (the sign), `encoding` and `quote` are found out if they are not said. Names that end in .gz
    and .zip are read compressed.
    """

    paths: list[str]
    format: Literal["csv", "tsv", "jsonl", "json", "parquet"] | None = None
    columns: list[str] | None = None
    order: Literal["time", "as_is"] = "time"
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    quote: Literal['"', "'", "none"] | None = None


class RosterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People whether or not they have done anything, and their traits: from files, or a topic.

    The `topic` is one of the Kafka that events come from. `user` is the field that says who it is,
    that of events unless it is said; traits stand where properties of events would.
    """

    files: FileSource | None = None
    topic: str | None = None
    user: FieldName | None = None

    def __post_init__(self) -> None:
        if isinstance(given := self.user, list):
            msgspec.structs.force_setattr(self, "user", joined(given))


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events come from: one of the two."""

    kafka: KafkaSource | None = None
    files: FileSource | None = None


class KafkaOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The changelog and its companions as Kafka topics, written exactly once.

    Versions of cluster models are described in `models`, what segments are worth in `outcomes`. A
    job that does not end reads new segments from `control`, and tells in `status` how far it has
    come with them. The four are NAME-models, NAME-outcomes and so on unless they are named. All
    jobs of a Kafka say in `leases` which names and topics are theirs.
    """

    bootstrap: str
    assignments: str = "assignments"
    transitions: str = "transitions"
    dead_letters: str = "dead-letters"
    models: str | None = None
    outcomes: str | None = None
    control: str | None = None
    status: str | None = None
    leases: str = "flockwise-leases"
    security: KafkaSecurity = KafkaSecurity()
    properties: dict[str, str] = {}


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the changelog goes: to Kafka, or into a folder of JSON-lines files."""

    kafka: KafkaOutput | None = None
    folder: str | None = None


class RunSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the job runs.

    `clock` is wall for live runs and event for bounded ones unless said otherwise; with the
    event clock users are evaluated at multiples of `resolution`. `as_of` (ISO 8601) is the
    moment that a bounded run ends with. `lanes` is the greatest useful parallelism, fixed at
    the first start. `batch` is how long events are collected, `checkpoint` how often changes
    are committed; both are part of the latency. `backend` keeps state on the heap here and in
    RocksDB on a cluster unless said otherwise. `state` is the folder of checkpoints; those of a
    submitted job go to the URI `checkpoints`, which all TaskManagers must reach. Users without
    events for `forget_after` are forgotten; without it, nobody is. Users' rows take up to `memory`
    of each process, and beyond that lie on its disk; without it, all are in memory. A bounded run
    judges by the `newest` cluster models as it learns them, or reads the history twice, and judges
    everyone by the `final` ones.
    """

    clock: Literal["wall", "event"] | None = None
    resolution: str = "1m"
    as_of: str | None = None
    lanes: int = 8
    parallelism: int = 1
    batch: str = "100ms"
    checkpoint: str = "250ms"
    backend: Literal["heap", "rocksdb"] | None = None
    state: str | None = None
    checkpoints: str | None = None
    forget_after: str | None = None
    memory: str | None = None
    models: Literal["newest", "final"] = "newest"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole configuration."""

    source: Source
    output: Output
    features: dict[str, FeatureSpec]
    name: str = "flockwise"
    events: EventsSpec = EventsSpec()
    roster: RosterSpec | None = None
    segments: dict[str, SegmentSpec] = {}
    clusters: dict[str, ClusterSpec] = {}
    outcomes: OutcomesSpec | None = None
    store: StoreSpec | None = None
    run: RunSpec = RunSpec()

    @property
    def bounded(self) -> bool:
        """Whether the run ends by itself."""
        return self.source.kafka is None or self.source.kafka.bounded

    @property
    def beside(self) -> ReadBeside:
        """What is read of events beside features."""
        return NOTHING_BESIDE if self.outcomes is None else read_beside(self.outcomes)

    def catalog(self) -> Catalog:
        """The features, compiled, and what is read beside them."""
        return Catalog.compile(self.features, self.events.session_gap_us, self.beside)

    @property
    def roster_topic(self) -> str | None:
        """The topic of the roster, None without one."""
        return None if self.roster is None else self.roster.topic

    @property
    def roster_user(self) -> str | None:
        """The field of the user in records of the roster, None without one."""
        return None if self.roster is None else self.roster.user or self.events.user

    @property
    def wall(self) -> bool:
        """Whether users are evaluated by the wall clock."""
        return self.run.clock == "wall" or (self.run.clock is None and not self.bounded)

    @property
    def resolution_us(self) -> int:
        """The grid of evaluation in microseconds; 1 where the wall clock decides."""
        return 1 if self.wall else parse_duration_us(self.run.resolution)

    @property
    def memory_bytes(self) -> int | None:
        """What users' rows may take of a process; None for no limit."""
        return None if self.run.memory is None else parse_size_bytes(self.run.memory)

    @property
    def lifetime(self) -> Lifetime | None:
        """How long users are remembered; None for ever."""
        after = self.run.forget_after
        return None if after is None else Lifetime.of(parse_duration_us(after), self.resolution_us)
