"""Options of `flockwise run` that contradict each other."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from flink_job.cli import app
from operators.base.errors import UsageError


def test_going_on_and_beginning_anew_are_not_asked_for_at_once(tmp_path: Path) -> None:
    config = str(tmp_path / "not-read.yaml")
    refused = CliRunner().invoke(app, ["run", config, "--resume", "--fresh"])
    assert isinstance(refused.exception, UsageError)
    assert "one of --resume, which goes on, and --fresh" in str(refused.exception)
