"""Start a local cluster, say how it is, end it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flink_job.local_cluster.files import Files
from flink_job.local_cluster.kept import Kept, check_free, choose, load, save
from flink_job.local_cluster.members import ClusterProcess, members, surplus
from flink_job.runtime.progress import OnStep, silent
from flink_job.runtime.rest import FlinkRest
from flink_job.stack.jars import ensure_jars
from flink_job.stack.locks import locked
from flink_job.stack.ports import HOST
from flink_job.stack.processes import wait_until
from operators.base.errors import JobError, PreflightError, UsageError

_UP_WITHIN_S: Final = 180.0
_OWNER_ONLY: Final = 0o700  # what jobs were submitted with, passwords among it, is kept there


@dataclass(frozen=True)
class LocalCluster:
    """A local cluster, up or not."""

    folder: Path
    kept: Kept

    @property
    def address(self) -> str:
        """host:port of its REST interface and its pages."""
        return f"{HOST}:{self.kept.rest}"

    @property
    def rest(self) -> FlinkRest:
        """Its REST interface."""
        return FlinkRest(HOST, self.kept.rest)

    @property
    def conf(self) -> Path:
        """Its FLINK_CONF_DIR."""
        return Files(self.folder).conf


@dataclass(frozen=True)
class ProcessStatus:
    """A process of a cluster; `pid` is None when it does not run."""

    name: str
    pid: int | None
    folder: Path


def start(
    folder: Path,
    taskmanagers: int | None = None,
    rest_port: int | None = None,
    progress: OnStep = silent,
    environ: Mapping[str, str] = os.environ,
) -> LocalCluster:
    """Start what does not run yet, end TaskManagers beyond the number, and wait until it is up.

    Number and ports are kept from the last start, unless given. Jobs that ran when the cluster
    was stopped go on. The processes see `environ`, so that is where secrets are for them.

    Raises:
        UsageError: the folder or a number can't be, or the JobManager runs on another port.
        PreflightError: jars can't be had, or a process does not come up; what this call
            started is ended again.
    """
    folder = _folder(folder)
    folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    files = Files(folder)
    with locked(folder / "lock", progress), ExitStack() as undo:
        before = load(_kept(folder))
        kept = choose(before, taskmanagers, rest_port, random.SystemRandom())
        missing = [member for member in members(files, kept) if member.running() is None]
        _check_ports(kept, before, missing)
        connectors = ensure_jars(["flink"], progress=progress)["flink"].glob("*.jar")
        save(kept, _kept(folder))
        files.write(kept, connectors)
        undo.callback(_stop, missing)
        progress(f"Starting {len(missing)} processes" if missing else "All processes run already")
        for member in missing:
            member.start(environ)
        _stop(surplus(files, kept))
        cluster = LocalCluster(folder, kept)
        _wait(cluster, files, progress)
        undo.pop_all()
    return cluster


def stop(folder: Path, progress: OnStep = silent) -> tuple[str, ...]:
    """End what `start` started in a folder and nothing else; gives the names of what ran."""
    folder = folder.absolute()
    kept = load(_kept(folder))
    if kept is None:
        return ()
    with locked(folder / "lock", progress):
        progress("Ending the cluster")
        return _stop(_all(Files(folder), kept))


def status(folder: Path) -> tuple[ProcessStatus, ...]:
    """How every process of the cluster in a folder is.

    Raises:
        UsageError: there is none.
    """
    cluster = find(folder)
    found = _all(Files(cluster.folder), cluster.kept)
    return tuple(ProcessStatus(member.name, member.running(), member.folder) for member in found)


def find(folder: Path) -> LocalCluster:
    """The cluster of a folder, up or not.

    Raises:
        UsageError: there is none.
    """
    kept = load(_kept(folder.absolute()))
    if kept is None:
        raise UsageError(f"expected a local cluster in {folder}, found none: start one there")
    return LocalCluster(folder.absolute(), kept)


def _kept(folder: Path) -> Path:
    return folder / "cluster.json"


def _folder(folder: Path) -> Path:
    folder = folder.absolute()
    if len(str(folder).split()) > 1:
        raise UsageError(
            f"expected a folder without blanks, found '{folder}': Flink's scripts fail"
        )
    return folder


def _all(files: Files, kept: Kept) -> list[ClusterProcess]:
    return [*members(files, kept), *surplus(files, kept)]


def _check_ports(kept: Kept, before: Kept | None, missing: Iterable[ClusterProcess]) -> None:
    names = {member.name for member in missing}
    if "zookeeper" in names:
        check_free(kept.zookeeper, "ZooKeeper")
    if "jobmanager" in names:
        check_free(kept.rest, "Flink's REST interface")
    elif before is not None and before.rest != kept.rest:
        raise UsageError(f"the JobManager runs on port {before.rest}: end it before changing that")


def _stop(those: Iterable[ClusterProcess]) -> tuple[str, ...]:
    """End these at once; gives the names of those that ran."""
    chosen = list(those)
    with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
        ended = pool.map(ClusterProcess.stop, chosen)
        return tuple(member.name for member, ran in zip(chosen, ended, strict=True) if ran)


def _wait(cluster: LocalCluster, files: Files, progress: OnStep) -> None:
    """Wait until the JobManager knows all TaskManagers, or one of the processes is gone."""
    wanted = members(files, cluster.kept)
    progress(f"Waiting for {cluster.kept.taskmanagers} TaskManagers at {cluster.address}")
    over = wait_until(lambda: bool(_gone(wanted)) or _is_up(cluster), _UP_WITHIN_S)
    for member in _gone(wanted):
        raise PreflightError(f"the {member.name} ended while starting: logs in {member.folder}")
    if not over:
        raise PreflightError(
            f"Flink was not up within {_UP_WITHIN_S:.0f} s: logs below {cluster.folder}"
        )


def _gone(those: Iterable[ClusterProcess]) -> list[ClusterProcess]:
    return [member for member in those if member.running() is None]


def _is_up(cluster: LocalCluster) -> bool:
    try:
        # One slot each, which a TaskManager offers a little after it is known.
        return cluster.rest.overview().slots >= cluster.kept.taskmanagers
    except (JobError, KeyError):
        return False
