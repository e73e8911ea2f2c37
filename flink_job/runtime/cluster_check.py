"""Can this cluster run these jobs? Asked of its REST interface before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from flink_job.runtime.rest import FlinkRest
from operators.base.errors import JobError, PreflightError

_PARENT_FIRST: Final = "classloader.parent-first-patterns.additional"
_BRIDGE: Final = "pemja"
_CHECKPOINTS: Final = "execution.checkpointing.dir"
_SAVEPOINTS: Final = "execution.checkpointing.savepoint-dir"
_JARS: Final = ("flink-python-", "flink-sql-connector-kafka-")
_README: Final = "deploy/flink/README.md says how a cluster is set up"


def check_cluster(rest: FlinkRest, slots: Mapping[str, int]) -> None:
    """Make sure that a cluster is fit for the jobs, given with the slots that each takes.

    Raises:
        PreflightError: it does not answer, is of another version or not set up for Python in
            thread mode, has too few free slots, or runs a job of one of these names.
    """
    try:
        _check_version(rest)
        _check_python(rest)
        _check_names(rest, slots)
        _check_slots(rest, slots)
    except (JobError, KeyError, TypeError):
        raise PreflightError(
            f"no Flink cluster answers at {rest.host}:{rest.port}: is it running, is the address "
            "that of its REST interface?"
        ) from None


def checkpoints_of(rest: FlinkRest, wanted: str | None) -> str:
    """The URI for checkpoints: what the configuration wants, else what the cluster has.

    Raises:
        PreflightError: neither has any.
        JobError: the cluster does not answer.
    """
    found = wanted or rest.configuration().get(_CHECKPOINTS)
    if not found:
        raise PreflightError(
            "where do checkpoints go? Set run.checkpoints, or execution.checkpointing.dir in the "
            "cluster's config.yaml, to a URI that all TaskManagers reach"
        )
    return found


def savepoints_of(rest: FlinkRest) -> str | None:
    """The URI for savepoints that the cluster has, if it has any.

    Raises:
        JobError: the cluster does not answer.
    """
    return rest.configuration().get(_SAVEPOINTS)


def _check_version(rest: FlinkRest) -> None:
    found, own = rest.overview().version, version("apache-flink")
    if _release(found) != _release(own):
        raise PreflightError(
            f"the cluster at {rest.host}:{rest.port} is Flink {found}, flockwise needs {own}"
        )


def _release(found: str) -> list[str]:
    return found.split(".")[:2]


def _check_python(rest: FlinkRest) -> None:
    if _BRIDGE not in rest.configuration().get(_PARENT_FIRST, ""):
        raise PreflightError(
            f"the cluster is not set up for Python in thread mode: expected {_PARENT_FIRST}: "
            f"{_BRIDGE} in its config.yaml; {_README}"
        )
    jars = rest.jars()
    for name in _JARS:
        if not any(jar.startswith(name) for jar in jars):
            raise PreflightError(f"expected {name}*.jar in lib/ of the cluster; {_README}")


def _check_names(rest: FlinkRest, names: Mapping[str, int]) -> None:
    found = sorted(f"'{job.name}'" for job in rest.jobs() if job.name in names and not job.over)
    if found:
        raise PreflightError(
            f"already at work at {rest.host}:{rest.port}: {' and '.join(found)}; end that first, "
            "give this configuration another name, or submit just the other job with --only"
        )


def _check_slots(rest: FlinkRest, slots: Mapping[str, int]) -> None:
    free, wanted = rest.overview().free_slots, sum(slots.values())
    if free < wanted:
        parts = ", ".join(f"'{name}' {count}" for name, count in slots.items())
        raise PreflightError(
            f"expected {wanted} free slots ({parts}), found {free}: start more TaskManagers of "
            "one slot each, or lower run.parallelism"
        )
