"""A command that runs no job does not wait for libraries that only jobs need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
import yaml

from flink_job.cli import app

RUN_A_JOB: Final = {"demo", "run", "upsert", "submit"}
OFTEN_ASKED: Final = ("validate", "features", "lookup", "members", "export")
SERVERS: Final = {"kafka", "cassandra"}
HEAVY: Final = (
    "pyflink",
    "py4j",
    "apache_beam",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "river",
    *SERVERS,
)
CONFIG: Final = {
    "name": "shop",
    "source": {"files": {"paths": ["events.jsonl"]}},
    "output": {"folder": "changelog"},
    "store": {"kind": "sqlite", "path": "store.db"},
    "events": {"session_gap": "30m"},
    "features": {"views_7d": {"count": "view", "window": "7d"}},
    "segments": {"Browsers": {"when": "views_7d >= 10 AND 2 * views_7d < 100"}},
    "clusters": {"shoppers": {"k": 2, "features": ["views_7d"]}},
}
# Runs the command lines one after the other, and tells of each what came with it.
SPY: Final = f"""
import json, sys
from typer.testing import CliRunner
from flink_job.cli import app
found, known = dict(), set()
for line in json.load(sys.stdin):
    CliRunner().invoke(app, line)
    new = set({HEAVY!r}) & set(sys.modules) - known
    known |= new
    found[" ".join(line)] = sorted(new)
json.dump(found, sys.stdout)
"""


def leaves(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by its words."""
    if not getattr(of, "commands", {}):
        yield path, of
        return
    for name, command in of.commands.items():
        yield from leaves(command, (*path, name))


COMMANDS: Final = {
    words: command
    for words, command in leaves(typer.main.get_command(app))
    if words[0] not in RUN_A_JOB
}


def call(command: Any) -> list[str]:
    """Arguments with which a command gets to its work: only those that take a configuration do."""
    wanted = [each for each in command.params if each.param_type_name == "argument"]
    if not any(each.name == "config" for each in wanted):
        return ["--help"]
    required = [each for each in wanted if each.required]
    return ["config.yaml" if each.name == "config" else "x" for each in required]


def test_there_are_commands() -> None:
    assert {("validate",), ("lookup",), ("members",), ("clusters", "list")} <= set(COMMANDS)


def imported(lines: list[list[str]], folder: Path) -> dict[str, set[str]]:
    """What command lines import that is heavy, those that come later what is new."""
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    ran = subprocess.run(
        [sys.executable, "-c", SPY],
        input=json.dumps(lines),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {line: set(heavy) for line, heavy in json.loads(ran.stdout).items()}


def test_a_command_without_a_job_imports_nothing_of_jobs(tmp_path: Path) -> None:
    lines = [[*words, *call(command)] for words, command in COMMANDS.items()]
    found = imported(lines, tmp_path)
    assert {line: heavy - SERVERS for line, heavy in found.items()} == {
        " ".join(line): set() for line in lines
    }


def test_without_servers_nothing_of_theirs_is_imported(tmp_path: Path) -> None:
    lines = [[word, *call(COMMANDS[(word,)])] for word in OFTEN_ASKED]
    assert imported(lines, tmp_path) == {" ".join(line): set() for line in lines}


def test_pyflink_does_without_beam_where_it_is_left_out() -> None:
    lines = (
        "import sys",
        "from operators.flink.beam import leave_out",
        "leave_out()",
        "from pyflink.fn_execution import flink_fn_execution_pb2",
        f"print(*{{name for name, module in sys.modules.items() if module}} & set({HEAVY!r}))",
    )
    ran = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert set(ran.stdout.split()) == {"pyflink", "py4j"}
