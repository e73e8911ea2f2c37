"""The jars of Kafka, Cassandra and the Flink connector, fetched once by Maven."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal
from xml.etree import ElementTree

from flink_job.runtime.atomic import move_whole
from flink_job.runtime.deploy import deploy_folder
from flink_job.runtime.progress import OnStep, silent
from flink_job.stack.locks import locked
from operators.base.errors import PreflightError

JarKind = Literal["kafka", "cassandra", "flink"]

_MAIN_JAR: Final[Mapping[JarKind, str]] = {
    "kafka": "kafka_2.13",
    "cassandra": "cassandra-all",
    "flink": "flink-sql-connector-kafka",
}
_TITLE: Final[Mapping[JarKind, str]] = {
    "kafka": "Kafka",
    "cassandra": "Cassandra",
    "flink": "Flink's Kafka connector",
}
_POM: Final = "{http://maven.apache.org/POM/4.0.0}"
_COPY: Final = "dependency:copy-dependencies"


def jars_root(environ: Mapping[str, str] = os.environ) -> Path:
    """`$FLOCKWISE_JARS`, or the place for jars in the user's cache."""
    if environ.get("FLOCKWISE_JARS"):
        return Path(environ["FLOCKWISE_JARS"]).absolute()
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "flockwise" / "jars"


def jars_folder(kind: JarKind, root: Path | None = None) -> Path:
    """Where the jars of a kind belong; the version is in the name, so that none mix."""
    return (root or jars_root()) / f"{kind}-{_version(kind)}"


def jars_present(kind: JarKind, root: Path | None = None) -> bool:
    """Whether the jars of a kind are there."""
    return (jars_folder(kind, root) / f"{_MAIN_JAR[kind]}-{_version(kind)}.jar").is_file()


def ensure_jars(
    kinds: Iterable[JarKind], root: Path | None = None, progress: OnStep = silent
) -> dict[JarKind, Path]:
    """The folder of each kind's jars, fetching with Maven what is not there.

    Raises:
        PreflightError: jars are missing and Maven is, too, or it failed.
    """
    base = root or jars_root()
    return {kind: _ensure(kind, base, progress) for kind in kinds}


def _ensure(kind: JarKind, root: Path, progress: OnStep) -> Path:
    folder = jars_folder(kind, root)
    if jars_present(kind, root):
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise PreflightError(
            f"Maven (mvn) is needed to fetch the jars of {_TITLE[kind]}: install it, "
            f"or put the jars into {folder}"
        )
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".lock", progress):
        if not jars_present(kind, root):
            progress(f"Fetching the jars of {_TITLE[kind]} with Maven")
            _fetch(maven, kind, folder)
    return folder


def _fetch(maven: str, kind: JarKind, folder: Path) -> None:
    """Fetch beside the folder and rename, so that a broken download never looks done."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{kind}-") as temporary:
        fetched = Path(temporary) / "jars"
        done = subprocess.run(
            [
                *(maven, "--batch-mode", "--quiet", "-Dstyle.color=never"),
                *("--file", str(deploy_folder() / "pom.xml"), "--activate-profiles", kind),
                *(_COPY, f"-DoutputDirectory={fetched}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise PreflightError(
                f"Maven could not fetch the jars of {_TITLE[kind]}: {_complaint(done.stdout)}; "
                f"try again, or put the jars into {folder}"
            )
        move_whole(fetched, folder)


def _complaint(output: str) -> str:
    """Maven's first error line, without the login that an address may carry."""
    lines = [line for line in output.splitlines() if line.startswith("[ERROR]")]
    first = (lines or output.splitlines() or ["it said nothing"])[0]
    return re.sub(r"//[^/@\s]+@", "//", first.removeprefix("[ERROR]").strip())


def _version(kind: JarKind) -> str:
    pom = ElementTree.parse(deploy_folder() / "pom.xml")
    version = pom.findtext(f"{_POM}properties/{_POM}{kind}.version")
    if version is None:
        raise PreflightError(f"deploy/pom.xml has no property {kind}.version")
    return version
