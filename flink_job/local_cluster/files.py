"""What a local cluster is started with: its configuration, its jars, its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from flink_job.local_cluster.kept import Kept
from flink_job.runtime.class_path import flink_home
from flink_job.runtime.deploy import deploy_folder
from flink_job.runtime.java import java_home
from flink_job.stack.ports import HOST

FLINK_HOME: Final = flink_home()

# Of the caller's Flink, or harmful to a JVM with Python in it.
_NOT_PASSED_ON: Final = ("FLINK_", "PYFLINK_", "_PYFLINK", "JVM_ARGS", "PYTHONFAULTHANDLER")
# A quorum of one uses no ports for its members, but they must be there and differ.
_ZOOKEEPER: Final = """tickTime=2000
initLimit=10
syncLimit=5
dataDir={data}
clientPort={port}
clientPortAddress={host}
admin.enableServer=false
server.1={host}:1:2
"""


@dataclass(frozen=True)
class Files:
    """The folder of a cluster and what lies where in it."""

    folder: Path

    @property
    def conf(self) -> Path:
        """FLINK_CONF_DIR."""
        return self.folder / "conf"

    @property
    def lib(self) -> Path:
        """FLINK_LIB_DIR."""
        return self.folder / "lib"

    @property
    def zoo_cfg(self) -> Path:
        """The configuration of ZooKeeper."""
        return self.conf / "zoo.cfg"

    def write(self, kept: Kept, connectors: Iterable[Path]) -> None:
        """Write the configuration and link the jars."""
        self.conf.mkdir(exist_ok=True)
        deployed = deploy_folder() / "flink"
        settings = yaml.safe_load((deployed / "config.yaml").read_text()) | self._own(kept)
        (self.conf / "config.yaml").write_text(yaml.safe_dump(settings, width=sys.maxsize))
        # Of processes in the foreground, as these are for Flink's scripts, and of `flink` itself.
        for kind in ("console", "cli"):
            logging = (deployed / "log4j.properties").read_text()
            (self.conf / f"log4j-{kind}.properties").write_text(logging)
        data = self.folder / "zookeeper" / "data"
        self.zoo_cfg.write_text(_ZOOKEEPER.format(data=data, port=kept.zookeeper, host=HOST))
        _link(self.lib, [*_flink_jars(), *connectors])

    def environment(self, own: Path, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of one process, whose logs go to the folder `own`."""
        passed_on = {
            name: value for name, value in environ.items() if not name.startswith(_NOT_PASSED_ON)
        }
        # Thread mode finds its bridge, and flockwise, through the `python` on PATH.
        path = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
        return passed_on | {
            "PATH": path,
            "JAVA_HOME": str(java_home(environ)),
            "FLINK_CONF_DIR": str(self.conf),
            "FLINK_LIB_DIR": str(self.lib),
            "FLINK_LOG_DIR": str(own),
            "FLINK_PID_DIR": str(own),
            "FLINK_IDENT_STRING": "flockwise",
            "PYTHONWARNINGS": environ.get("PYTHONWARNINGS", "ignore"),
        }

    def _own(self, kept: Kept) -> dict[str, object]:
        """The settings in which this cluster differs from any other."""
        return {
            "rest.port": kept.rest,
            "metrics.reporter.prometheus.port": kept.metrics_range,
            "high-availability.type": "zookeeper",
            "high-availability.zookeeper.quorum": f"{HOST}:{kept.zookeeper}",
            # So long a killed JobManager stays the leader: the default is 60 s.
            "high-availability.zookeeper.client.session-timeout": 10_000,
            "high-availability.storageDir": (self.folder / "ha").as_uri(),
            "execution.checkpointing.dir": (self.folder / "checkpoints").as_uri(),
            "execution.checkpointing.savepoint-dir": (self.folder / "savepoints").as_uri(),
        }


def _flink_jars() -> list[Path]:
    return [*(FLINK_HOME / "lib").glob("*.jar"), *(FLINK_HOME / "opt").glob("flink-python-*.jar")]


def _link(folder: Path, jars: Iterable[Path]) -> None:
    """Link these jars into a folder and no others; a link that is right is left alone, since a
    running JVM may open it only now."""
    folder.mkdir(exist_ok=True)
    wanted = {jar.name: jar.resolve() for jar in jars}
    for link in folder.iterdir():
        if wanted.get(link.name) != link.resolve():
            link.unlink()
    for name, jar in wanted.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(jar)
