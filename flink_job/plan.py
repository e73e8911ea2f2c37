"""From a configuration to what the jobs are made of. What runs them is in `flink_job.jobs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from flink_job.config.load import moment_us
from flink_job.config.model import Config
from flink_job.config.paths import Paths
from flink_job.kafka_client.configured import ConfiguredKafka
from flink_job.runtime.run_folder import RunFolder
from flink_job.stores.base import Store, StoreOwner
from flink_job.stores.opening import open_store
from operators.base.durations import US_PER_UNIT
from operators.base.frame import FeatureColumn
from operators.base.moments import iso_at, now_us
from operators.contracts.control.messages import Segments
from operators.settings import judged_columns

JobKind = Literal["segment", "upsert"]


@dataclass(frozen=True)
class Plan:
    """A configuration, and the folder of its file."""

    config: Config
    base: Path

    @cached_property
    def paths(self) -> Paths:
        """Its files and folders."""
        return Paths(self.config, self.base)

    @cached_property
    def kafka(self) -> ConfiguredKafka:
        """Its brokers and topics."""
        return ConfiguredKafka(self.paths)

    @cached_property
    def folder(self) -> RunFolder:
        """The folder of its run."""
        return RunFolder(self.paths.state)

    def job_name(self, kind: JobKind) -> str:
        """The name of a job in Flink."""
        return f"{self.config.name} {kind}"

    def job_folder(self, kind: JobKind) -> RunFolder:
        """The folder of a job that runs here; `upsert` keeps its place in the changelog there."""
        return self.folder if kind == "segment" else self.folder.upsert

    @property
    def steered(self) -> bool:
        """Whether segments may change while the job runs: it has a control topic."""
        return not self.config.bounded and self.config.output.kafka is not None

    def judged_columns(self) -> Mapping[str, FeatureColumn]:
        """What conditions may name: the features, and the clusters."""
        return judged_columns(self.config.features, self.config.clusters)

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

    def store(self) -> Callable[[], Store] | None:
        """Opens the store, where it is used; None without one."""
        spec = self.config.store
        return None if spec is None else partial(open_store, spec.at(self.paths.absolute))

    def store_owner(self) -> StoreOwner:
        """The plan's job as the owner of its store, from now on.

        Raises:
            PreflightError: Kafka does not answer.
        """
        return StoreOwner(self.config.name, self.kafka.changelog(), iso_at(now_us()))
