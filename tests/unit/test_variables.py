"""Which variables are told as not set, and that nothing is wrong with that."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import check
from flink_job.config.variables import unset

KAFKA = {
    "bootstrap": "${HOST}:${PORT},b:9092",
    "security": {
        **{"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512"},
        **{"user": "${LOGIN}", "password": "${PASSWORD}"},
    },
    "properties": {"client.id": "${CLIENT}"},
}
CONFIG = {
    "source": {"kafka": {**KAFKA, "topic": "${NO_REFERENCE}"}},
    "output": {"kafka": KAFKA},
    "store": {
        **{"kind": "cassandra", "hosts": ["${HOST}", "${OTHER_HOST}", "${HOST}"]},
        **{"port": "${PORT}", "user": "${USER_OF_STORE}", "password": "${PASSWORD}"},
    },
    "features": {"views": {"count": "view", "window": "1h"}},
    "segments": {"Any": {"when": "views > 1", "description": "${NO_REFERENCE}"}},
}
NAMES = ("LOGIN", "HOST", "PORT", "PASSWORD", "CLIENT", "OTHER_HOST", "USER_OF_STORE")


def test_all_are_told_with_every_place() -> None:
    config = check(CONFIG, "the test")
    found = unset(config, {"PORT": "1", "CLIENT": ""})
    kafkas = ("source.kafka", "output.kafka")
    assert found == {
        "HOST": [*(f"{kafka}.bootstrap" for kafka in kafkas), "store.hosts"],
        "LOGIN": [f"{kafka}.security.user" for kafka in kafkas],
        "PASSWORD": [*(f"{kafka}.security.password" for kafka in kafkas), "store.password"],
        "CLIENT": [f"{kafka}.properties.client.id" for kafka in kafkas],
        "OTHER_HOST": ["store.hosts"],
        "USER_OF_STORE": ["store.user"],
    }
    assert unset(config, dict.fromkeys(NAMES, "x")) == {}


def test_a_configuration_is_right_without_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, f"secret {name}")
    monkeypatch.delenv("PASSWORD")
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    done = CliRunner().invoke(app, ["validate", str(path)])
    assert done.exit_code == 0
    told = [line for line in done.stderr.splitlines() if line.startswith("!")]
    where = "source.kafka.security.password, output.kafka.security.password, store.password"
    assert told == [f"! the environment variable PASSWORD is not set: {where}"]
    assert "secret" not in done.output
