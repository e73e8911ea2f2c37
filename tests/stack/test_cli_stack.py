"""`flockwise stack` tells people and programs the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flink_job.cli.stack import app
from flink_job.stack import CassandraAccess
from operators.base.errors import UsageError

run = CliRunner().invoke


@pytest.mark.stack
def test_status_shows_every_part_and_how_to_load_the_password(
    kafka: str, cassandra: CassandraAccess, stack_folder: Path
) -> None:
    shown = run(app, ["status", "--dir", str(stack_folder)])
    assert shown.exit_code == 0
    for text in (kafka, f"source {stack_folder}/env", f"$(cat {cassandra.password_file})"):
        assert text in shown.stdout
    assert cassandra.login().password not in shown.stdout


@pytest.mark.stack
def test_status_in_json(kafka: str, stack_folder: Path) -> None:
    report = json.loads(run(app, ["status", "--dir", str(stack_folder), "--json"]).stdout)
    assert report["env"] == f"{stack_folder}/env"
    broker = report["parts"][0]
    assert (broker["part"], broker["address"], broker["up"]) == ("kafka", kafka, True)
    assert isinstance(broker["pid"], int)


@pytest.mark.stack
def test_up_and_down_of_one_part(own_stack: Path) -> None:
    arguments = ["--dir", str(own_stack), "--only", "kafka"]
    begun = run(app, ["up", *arguments])
    assert begun.exit_code == 0, begun.output
    assert "kafka" in begun.stdout
    assert "cassandra" not in begun.stdout
    assert run(app, ["down", *arguments]).stdout == "Ended kafka.\n"
    assert run(app, ["down", *arguments]).stdout == "Nothing was running.\n"


def test_status_without_a_stack_says_how_to_make_one(tmp_path: Path) -> None:
    failed = run(app, ["status", "--dir", str(tmp_path)])
    assert isinstance(failed.exception, UsageError)
    assert "flockwise stack up" in str(failed.exception)


def test_down_without_a_stack_is_no_mistake(tmp_path: Path) -> None:
    assert run(app, ["down", "--dir", str(tmp_path)]).stdout == "Nothing was running.\n"
