"""What a local cluster keeps from one start to the next: its size and its ports."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import msgspec

from flink_job.runtime.atomic import write_whole
from flink_job.stack.ports import free_port, is_free
from operators.base.errors import PreflightError, UsageError

# Each JVM takes the first port that is free for its metrics, the JobManager one of them.
METRICS_PORTS: Final = 32
MOST_TASKMANAGERS: Final = METRICS_PORTS - 1

_TASKMANAGERS: Final = 3


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many TaskManagers, and the ports; `metrics` is the first of `METRICS_PORTS`."""

    taskmanagers: int
    rest: int
    zookeeper: int
    metrics: int

    @property
    def metrics_range(self) -> str:
        """The ports for metrics as Flink writes a range."""
        return f"{self.metrics}-{self.metrics + METRICS_PORTS - 1}"


def load(path: Path) -> Kept | None:
    """What a file keeps, None if there is no such file.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} does not describe a local cluster: {error}") from error


def save(kept: Kept, path: Path) -> None:
    """Keep it in a file, whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(kept)) + b"\n")


def choose(
    kept: Kept | None, taskmanagers: int | None, rest: int | None, choice: random.Random
) -> Kept:
    """What to start with: what is asked for, else what was kept, else 3 and free ports.

    Raises:
        UsageError: there are too many TaskManagers, or none.
    """
    if kept is None:
        kept = _fresh(choice)
    count = kept.taskmanagers if taskmanagers is None else taskmanagers
    if not 1 <= count <= MOST_TASKMANAGERS:
        raise UsageError(f"expected 1 to {MOST_TASKMANAGERS} TaskManagers, found {count}")
    return msgspec.structs.replace(kept, taskmanagers=count, rest=rest or kept.rest)


def check_free(port: int, of: str) -> None:
    """Make sure that a port can be listened on.

    Raises:
        PreflightError: it is taken.
    """
    if not is_free(port):
        raise PreflightError(
            f"port {port} of {of} is taken by another program: end that, or start the cluster in "
            "another folder, or with another --rest-port"
        )


def _fresh(choice: random.Random) -> Kept:
    metrics = free_port((), choice)
    taken = range(metrics, metrics + METRICS_PORTS)
    zookeeper = free_port(taken, choice)
    rest = free_port([*taken, zookeeper], choice)
    return Kept(taskmanagers=_TASKMANAGERS, rest=rest, zookeeper=zookeeper, metrics=metrics)
