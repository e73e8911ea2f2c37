"""The processes of a local cluster, each in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flink_job.local_cluster.files import FLINK_HOME, Files
from flink_job.local_cluster.kept import Kept
from flink_job.stack import processes

_BIN: Final = FLINK_HOME / "bin"
_STOP_WITHIN_S: Final = 20.0
_TASKMANAGER: Final = "taskmanager-"
_TEMPORARY: Final = "tmp"


@dataclass(frozen=True)
class ClusterProcess:
    """One process: its name, which is that of its folder, and how to run it there.

    It runs in the foreground as far as Flink's scripts go: they keep lists of pids that they
    trust for ever, and would end a stranger that was given one of these later.
    """

    files: Files
    name: str
    command: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where its logs and its pid file are."""
        return self.files.folder / self.name

    @property
    def pid_file(self) -> Path:
        """The file whose lock the running process holds."""
        return self.folder / "pid"

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it; it may take its time until it answers."""
        self.folder.mkdir(exist_ok=True)
        shutil.rmtree(self.folder / _TEMPORARY, ignore_errors=True)  # a killed one leaves it
        environment = {**self.files.environment(self.folder, environ), **self.variables}
        processes.start(self.command, self.pid_file, self.output, environment)

    def running(self) -> int | None:
        """Its pid while it runs."""
        return processes.running(self.pid_file)

    def stop(self) -> bool:
        """End it if it runs; says whether it did."""
        return processes.stop(self.pid_file, _STOP_WITHIN_S)

    @property
    def output(self) -> Path:
        """What it and the script that started it write to the terminal; logs lie beside it."""
        return self.folder / "output.txt"


def members(files: Files, kept: Kept) -> list[ClusterProcess]:
    """All processes that a cluster should have, in the order of their start."""
    return [
        ClusterProcess(
            files,
            "zookeeper",
            [
                *(str(_BIN / "flink-console.sh"), "zookeeper"),
                *("--zkConfigFile", str(files.zoo_cfg), "--peerId", "1"),
            ],
            {"JVM_ARGS": "-Xmx64m"},
        ),
        _flink(files, "jobmanager", "jobmanager.sh"),
        *(taskmanager(files, number) for number in range(1, kept.taskmanagers + 1)),
    ]


def taskmanager(files: Files, number: int) -> ClusterProcess:
    """A TaskManager. Its name is its id in Flink, so that one started again takes its place."""
    name = f"{_TASKMANAGER}{number}"
    return _flink(files, name, "taskmanager.sh", f"taskmanager.resource-id={name}")


def surplus(files: Files, kept: Kept) -> list[ClusterProcess]:
    """The TaskManagers that earlier starts left beyond the number of this one."""
    found = (folder.name for folder in files.folder.glob(f"{_TASKMANAGER}*"))
    numbers = sorted(int(name.removeprefix(_TASKMANAGER)) for name in found)
    return [taskmanager(files, number) for number in numbers if number > kept.taskmanagers]


def _flink(files: Files, name: str, script: str, *settings: str) -> ClusterProcess:
    own = [f"io.tmp.dirs={files.folder / name / _TEMPORARY}", *settings]
    options = [option for setting in own for option in ("-D", setting)]
    return ClusterProcess(files, name, [str(_BIN / script), "start-foreground", *options])
