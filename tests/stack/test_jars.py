"""Jars are fetched whole or not at all, and what is missing is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flink_job.stack.jars import ensure_jars, jars_folder, jars_present, jars_root
from operators.base.errors import PreflightError


def put_on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = folder / "mvn"
    maven.parent.mkdir(exist_ok=True)
    maven.write_text(f"#!/bin/sh\n{script}\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_root_is_given_or_the_users_cache(tmp_path: Path) -> None:
    assert jars_root({"FLOCKWISE_JARS": str(tmp_path)}) == tmp_path
    assert jars_root({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "flockwise" / "jars"
    assert jars_root({}) == Path.home() / ".cache" / "flockwise" / "jars"


def test_the_folders_name_carries_the_version_of_the_pom(tmp_path: Path) -> None:
    names = [jars_folder(kind, tmp_path).name for kind in ("kafka", "cassandra", "flink")]
    assert all(re.fullmatch(r"[a-z]+-\d+\.\d+\.\d+[-.\d]*", name) for name in names), names


def test_without_maven_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError) as error:
        ensure_jars(["kafka"], tmp_path)
    assert "Maven (mvn) is needed to fetch the jars of Kafka" in str(error.value)
    assert str(jars_folder("kafka", tmp_path)) in str(error.value)


def test_jars_that_somebody_put_there_need_no_maven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = jars_folder("flink", tmp_path)
    folder.mkdir()
    (folder / f"flink-sql-connector-kafka-{folder.name.removeprefix('flink-')}.jar").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ensure_jars(["flink"], tmp_path) == {"flink": folder}


def test_a_broken_download_leaves_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "jars"
    folder = jars_folder("kafka", root)
    main_jar = f"kafka_2.13-{folder.name.removeprefix('kafka-')}.jar"
    fetch = (
        'for word; do case "$word" in -DoutputDirectory=*) to="${word#*=}";; esac; done; '
        f'mkdir "$to"; touch "$to/{main_jar}"; '
    )
    complaint = "[ERROR] Could not transfer from https://me:secret@repo/x: Connection reset"
    put_on_path(tmp_path / "bin", f'{fetch} echo "{complaint}"; exit 1', monkeypatch)
    with pytest.raises(PreflightError, match="Connection reset") as error:
        ensure_jars(["kafka"], root)
    assert "secret" not in str(error.value)
    assert not jars_present("kafka", root)
    assert [path.name for path in root.iterdir()] == [".lock"]

    put_on_path(tmp_path / "bin", fetch, monkeypatch)
    steps: list[str] = []
    assert ensure_jars(["kafka"], root, steps.append) == {"kafka": folder}
    assert jars_present("kafka", root)
    assert steps == ["Fetching the jars of Kafka with Maven"]
    assert ensure_jars(["kafka"], root, steps.append) == {"kafka": folder}
    assert len(steps) == 1
