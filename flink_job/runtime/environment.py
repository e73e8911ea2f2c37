"""The Flink environment of a job: a mini-cluster in this process's JVM, or a running cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment

from flink_job.runtime import gateway
from operators.base.lanes import lane_keys

KEY_GROUPS: Final = 128  # Flink's maximum parallelism; more lanes than this would gain nothing

_FIXED: Final = {
    "python.execution-mode": "thread",
    "pipeline.max-parallelism": str(KEY_GROUPS),
    "pipeline.object-reuse": "true",
    # Records wait so long for others at each of four exchanges; Flink's own 100 ms would show.
    "execution.buffer-timeout.interval": "5 ms",
    # Explicit ids for SQL operators, too: a resumed job must find the state of its source.
    # Shorter classes are not parsed again to be split: a fifth of what Java takes to define a job.
    "table.generated-code.max-length": "64000",
    "table.exec.uid.generation": "ALWAYS",
    "table.exec.uid.format": "sql-<id>-<transformation>",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "execution.checkpointing.num-retained": "2",
    "execution.checkpointing.timeout": "5 min",
    "metrics.fetcher.update-interval": "1000",
    "taskmanager.memory.managed.size": "256m",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
}
_BACKING_OFF: Final = {
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "1 min",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "10 min",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": "8",
}
_ENDLESS: Final = {
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": str(2**31 - 1)
}
_BACKENDS: Final = {"heap": "hashmap", "rocksdb": "rocksdb"}


@dataclass(frozen=True)
class Flink:
    """How a job runs: where, how parallel, and where its checkpoints go.

    `restore_from` is a checkpoint or savepoint to begin with. `rest_port` is that of the
    mini-cluster; `rest_address` (host, port) names a running cluster instead. `restarts` is
    how often a failed job is restarted in all. None: it is not counted for ever, but a job that
    fails again and again, with no quiet time between, fails, unless it is `endless`.
    """

    checkpoints: str
    checkpoint_ms: int
    parallelism: int = 1
    backend: str = "heap"
    restore_from: Path | None = None
    rest_port: int | None = None
    rest_address: tuple[str, int] | None = None
    jars: Sequence[Path] = ()
    restarts: int | None = None
    endless: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str]:
        """The settings as Flink names them."""
        settings = {
            **_FIXED,
            "parallelism.default": str(self.parallelism),
            "execution.checkpointing.interval": f"{self.checkpoint_ms} ms",
            "execution.checkpointing.dir": self.checkpoints,
            "state.backend.type": _BACKENDS[self.backend],
            "execution.checkpointing.incremental": str(self.backend == "rocksdb").lower(),
            **(_BACKING_OFF if self.restarts is None else _limited(self.restarts)),
            **(_ENDLESS if self.endless else {}),
        }
        jars = [jar for jar in self.jars if jar not in gateway.class_path()]
        if jars:
            settings["pipeline.jars"] = ";".join(jar.as_uri() for jar in jars)
        if self.restore_from:
            settings["execution.state-recovery.path"] = self.restore_from.as_uri()
        if self.rest_port:
            settings["rest.bind-port"] = settings["rest.port"] = str(self.rest_port)
        if self.rest_address:
            settings["execution.target"] = "remote"
            settings["rest.address"] = self.rest_address[0]
            settings["rest.port"] = str(self.rest_address[1])
        return {**settings, **self.more}


def _limited(restarts: int) -> dict[str, str]:
    return {
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": str(restarts),
        "restart-strategy.fixed-delay.delay": "1 s",
    }


def prepare_process(logs: Path, connectors: Sequence[Path] = (), name: str = "segment") -> None:
    """See to a JVM with what it and the Python inside it need; to be called before any use.

    Raises:
        JobError: it can't be started.
    """
    gateway.begin(logs, connectors, name)
    gateway.wait()


@dataclass(frozen=True)
class Environment:
    """Where a job is defined (`tables`) and started (`stream`)."""

    stream: StreamExecutionEnvironment
    tables: StreamTableEnvironment

    @classmethod
    def create(cls, flink: Flink) -> Environment:
        """An environment with these settings."""
        configuration = Configuration()
        for name, value in flink.settings().items():
            configuration.set_string(name, value)
        stream = _stream(configuration, local=flink.rest_address is None)
        tables = StreamTableEnvironment.create(stream)
        _number_from_one(tables)
        return cls(stream, tables)


def _stream(configuration: Configuration, *, local: bool) -> StreamExecutionEnvironment:
    if local:
        return StreamExecutionEnvironment.get_execution_environment(configuration)
    # That would set the target to a mini-cluster, whatever the configuration says.
    environments = get_gateway().jvm.org.apache.flink.streaming.api.environment
    return StreamExecutionEnvironment(
        environments.StreamExecutionEnvironment(configuration._j_configuration)
    )


def _number_from_one(tables: StreamTableEnvironment) -> None:
    """Begin to number SQL operators anew.

    The planner numbers all that a JVM ever planned. A job would find its state again only if
    it were planned after just as many others as before.
    """
    loader = tables._j_tenv.getPlanner().getClass().getClassLoader()
    numbering = loader.loadClass("org.apache.flink.table.planner.plan.nodes.exec.ExecNodeContext")
    nothing = get_gateway().new_array(get_gateway().jvm.java.lang.Object, 0)
    no_types = get_gateway().new_array(get_gateway().jvm.java.lang.Class, 0)
    numbering.getMethod("resetIdCounter", no_types).invoke(None, nothing)


def spread_lanes(lanes: int) -> tuple[int, ...]:
    """The Flink keys of the lanes, spread evenly over the key groups."""
    jvm = get_gateway().jvm
    assignment = jvm.org.apache.flink.runtime.state.KeyGroupRangeAssignment

    def key_group_of(key: int) -> int:
        # PyFlink keys a stream by a row of one field.
        row = jvm.org.apache.flink.types.Row(1)
        row.setField(0, key)
        return int(assignment.assignToKeyGroup(row, KEY_GROUPS))

    return lane_keys(lanes, KEY_GROUPS, key_group_of)
