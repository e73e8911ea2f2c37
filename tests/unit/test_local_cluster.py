"""What a local cluster keeps and refuses before anything is started."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from flink_job import local_cluster as cluster
from flink_job.local_cluster.files import FLINK_HOME, Files
from flink_job.local_cluster.kept import METRICS_PORTS, Kept, choose, load, save
from operators.base.errors import UsageError

KEPT = Kept(taskmanagers=2, rest=20_001, zookeeper=20_002, metrics=20_100)


def test_size_and_ports_are_kept_unless_given() -> None:
    chance = random.Random(1)
    assert choose(KEPT, None, None, chance) == KEPT
    assert choose(KEPT, 5, None, chance).taskmanagers == 5
    assert choose(KEPT, None, 20_007, chance).rest == 20_007


def test_a_new_cluster_has_three_taskmanagers_and_ports_of_its_own() -> None:
    found = choose(None, None, None, random.Random(1))
    assert found.taskmanagers == 3
    metrics = set(range(found.metrics, found.metrics + METRICS_PORTS))
    assert len(metrics | {found.rest, found.zookeeper}) == METRICS_PORTS + 2


@pytest.mark.parametrize("count", [0, -1, METRICS_PORTS])
def test_more_taskmanagers_than_ports_for_metrics_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"expected 1 to 31 TaskManagers, found {count}"):
        choose(KEPT, count, None, random.Random(1))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    assert load(path) is None
    save(KEPT, path)
    assert load(path) == KEPT
    path.write_text("{}")
    with pytest.raises(UsageError, match="does not describe a local cluster"):
        load(path)


def test_there_is_no_cluster_in_an_empty_folder(tmp_path: Path) -> None:
    assert cluster.stop(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()
    with pytest.raises(UsageError, match="expected a local cluster in"):
        cluster.status(tmp_path / "none")
    with pytest.raises(UsageError, match="folder without blanks"):
        cluster.start(tmp_path / "a folder")


def test_its_settings_are_those_of_any_cluster_but_for_places_and_ports(tmp_path: Path) -> None:
    connector = tmp_path / "connector.jar"
    connector.touch()
    files = Files(tmp_path)
    files.write(KEPT, [connector])
    settings = yaml.safe_load((files.conf / "config.yaml").read_text())
    assert settings["classloader.parent-first-patterns.additional"] == "pemja"
    assert settings["taskmanager.numberOfTaskSlots"] == 1
    assert settings["rest.port"] == KEPT.rest
    assert settings["metrics.reporter.prometheus.port"] == "20100-20131"
    assert settings["execution.checkpointing.dir"] == f"file://{tmp_path}/checkpoints"
    # Flink's own file of settings is the only place that says what Java 17 has to open.
    flinks = yaml.safe_load((FLINK_HOME / "conf" / "config.yaml").read_text())
    assert settings["env.java.opts.all"] == flinks["env"]["java"]["opts"]["all"]


def test_jars_are_linked_anew_only_where_they_changed(tmp_path: Path) -> None:
    old, new = tmp_path / "connector-1.jar", tmp_path / "connector-2.jar"
    old.touch()
    new.touch()
    files = Files(tmp_path)
    files.write(KEPT, [old])
    before = {link.name: link.lstat().st_ino for link in files.lib.iterdir()}
    assert any(name.startswith("flink-python-") for name in before)
    files.write(KEPT, [new])
    after = {link.name: link.lstat().st_ino for link in files.lib.iterdir()}
    assert set(before) - set(after) == {old.name}
    assert set(after) - set(before) == {new.name}
    assert all(after[name] == before[name] for name in set(after) & set(before))


def test_processes_see_secrets_but_not_the_callers_flink(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "CASSANDRA_PASSWORD": "x", "FLINK_LIB_DIR": "y", "JVM_ARGS": "z"}
    found = Files(tmp_path).environment(tmp_path / "own", environ)
    assert found["CASSANDRA_PASSWORD"] == "x"
    assert found["FLINK_LIB_DIR"] == str(tmp_path / "lib")
    assert "JVM_ARGS" not in found
    assert found["PATH"].endswith(":/bin")
