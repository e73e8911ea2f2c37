"""The class path of a JVM that runs or submits jobs."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from uuid import uuid4

from flink_job.runtime.class_archive import archives

_PLANNER: Final = "flink-table-planner.jar"


def flink_home() -> Path:
    """The folder of the Flink that the pip package brings along."""
    found = find_spec("pyflink")
    assert found is not None  # a dependency
    assert found.origin is not None
    return Path(found.origin).resolve().parent


def flink_class_path(
    connectors: Sequence[Path] = (), environ: Mapping[str, str] = os.environ
) -> list[Path]:
    """Flink's jars, in an order that is always the same, and connectors."""
    lib = Path(environ.get("FLINK_LIB_DIR") or flink_home() / "lib")
    jars = [_unpacked_planner(jar, environ) for jar in sorted(lib.glob("*.jar"))]
    return [*jars, *sorted((flink_home() / "opt").glob("flink-python*.jar")), *connectors]


def _unpacked_planner(jar: Path, environ: Mapping[str, str]) -> Path:
    """In place of the planner's loader the planner itself, which it holds.

    It would write all of it, 46 MB, into a temporary file at every start, and load it with a class
    loader of its own, whose classes come slowly out of an archive.
    """
    if not jar.name.startswith("flink-table-planner-loader"):
        return jar
    try:
        with zipfile.ZipFile(jar) as packed:
            known = packed.getinfo(_PLANNER)
            planner = archives(environ) / f"{jar.stem}-{known.CRC:08x}" / _PLANNER
            if not planner.is_file() or planner.stat().st_size != known.file_size:
                _unpack(packed, planner)
    except (OSError, KeyError, zipfile.BadZipFile):
        return jar
    return planner


def _unpack(packed: zipfile.ZipFile, planner: Path) -> None:
    planner.parent.mkdir(parents=True, exist_ok=True)
    # Many may do it at once. What is left of it goes as abandoned archives do.
    new = planner.parent.with_name(f"{uuid4().hex}.new")
    with packed.open(_PLANNER) as source, new.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
    new.replace(planner)
