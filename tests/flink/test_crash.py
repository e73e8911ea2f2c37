"""A killed run goes on from its last checkpoint: nothing lost, nothing twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from flink_job.demo.events import write_jsonl
from flink_job.demo.population import Population
from flink_job.demo.simulation import simulate
from flink_job.runtime.running import Outcome
from operators.contracts.outcomes import OutcomeRecord
from tests.flink.harness import Run, run_job
from tests.flink.minicluster import start_java
from tests.patience import PATIENCE_S, until
from tests.stack.asking import here

pytestmark = pytest.mark.flink

DEMO = Path(__file__).parents[2] / "flink_job" / "demo" / "demo.yaml"
OUTCOMES = {
    "conversion": {"event": "purchase", "value": "price"},
    "page": "view",
    "funnel": ["view", "cart", "purchase"],
    "cohorts": "day",
}
END_US = 1_790_000_000_000_000


def write_config(base: Path, name: str) -> Path:
    """The demo's features and segments over the events beside it, without clusters."""
    config = yaml.safe_load(DEMO.read_text())
    del config["clusters"]
    config["outcomes"] = OUTCOMES
    config["source"] = {"files": {"paths": ["events.jsonl"], "order": "as_is"}}
    config["events"]["id"] = "event_id"
    config["output"] = {"folder": f"{name}/out"}
    config["run"] = {
        "state": f"{name}/state",
        "lanes": 4,
        "resolution": "2m",
        "checkpoint": "100ms",
    }
    path = base / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "flink_job", "run", str(config), *options]


def undisturbed(base: Path) -> int:
    """The run as it would be, told as `undisturbed`; gives how many events it has dropped."""
    path = write_config(base, "undisturbed")
    return run_job(base, yaml.safe_load(path.read_text())).outcome.totals["duplicates"]


def resume_to_end(config: Path) -> str:
    """Go on, in this process, to the end; gives what was said."""
    start_java(config.parent / "logs")
    done = here("run", "--resume", config)
    assert done.returncode == 0, done.stderr
    return done.stderr


def send_again(path: Path, count: int) -> None:
    """Let the last events of a file come once more."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, *lines[-count:]]))


def duplicates(said: str) -> int:
    """How many events a run has dropped."""
    found = re.search(r"([\d,]+) duplicates dropped", " ".join(said.split()))
    assert found, said
    return int(found[1].replace(",", ""))


def told(base: Path, name: str) -> list[tuple[str, str, str, str]]:
    transitions = Run(Outcome(False), base / name / "out").transitions()
    return sorted((t.user, t.at, t.segment, t.kind) for t in transitions)


def committed(base: Path) -> int:
    """How many files of transitions are committed."""
    return len([path for path in (base / "out" / "transitions").glob("part-*") if path.is_file()])


def wait_for_commits(base: Path, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait until checkpoints have committed so many files, while the job is at work."""
    until(lambda: committed(base) >= count, "a checkpoint to commit anything", process)


def kill_after(base: Path, config: Path, count: int, *options: str) -> None:
    """Start a run and kill it, and all that it started, once it has committed so many files."""
    process = subprocess.Popen(
        command(config, *options), stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for_commits(base, process, count)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("users", "kills"), [(800, 1), pytest.param(2_000, 2, marks=pytest.mark.faults)]
)
def test_a_run_that_is_killed_loses_and_repeats_nothing(
    users: int, kills: int, tmp_path: Path
) -> None:
    population = Population(users, 5, END_US, bad_share=0.001)
    write_jsonl(simulate(population, seed=3), tmp_path / "events.jsonl")
    send_again(tmp_path / "events.jsonl", 10_000)
    dropped = undisturbed(tmp_path)
    expected = told(tmp_path, "undisturbed")
    assert dropped > 9_500

    killed = write_config(tmp_path, "killed")
    before = 0
    for number in range(kills):
        options = ("--resume",) if number else ()
        kill_after(tmp_path / "killed", killed, committed(tmp_path / "killed") + 1, *options)
        now = len(told(tmp_path, "killed"))
        assert before < now <= len(expected), "take a longer history"
        before = now
    assert duplicates(resume_to_end(killed)) == dropped
    assert told(tmp_path, "killed") == expected
    letters = [
        Run(Outcome(False), tmp_path / name / "out").dead_letters()
        for name in ("undisturbed", "killed")
    ]
    assert sorted(letter.raw or "" for letter in letters[0]) == sorted(
        letter.raw or "" for letter in letters[1]
    )
    assert members_of(tmp_path, "killed") == members_of(tmp_path, "undisturbed")
    assert outcomes_of(tmp_path, "killed") == outcomes_of(tmp_path, "undisturbed") != []


@pytest.mark.long
def test_a_run_that_is_stopped_while_flink_starts_goes_on_later(tmp_path: Path) -> None:
    write_jsonl(simulate(Population(100, 3, END_US), seed=3), tmp_path / "events.jsonl")
    config = write_config(tmp_path, "early")
    process = subprocess.Popen(command(config), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    next(line for line in process.stderr if "starting Flink" in line)
    # The job is known, and not all of it is at work.
    until(lambda: "to RUNNING" in logged(tmp_path / "early"), "the job", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    if "stopped; --resume goes on from here" in said:
        resume_to_end(config)
    undisturbed(tmp_path)
    assert told(tmp_path, "early") == told(tmp_path, "undisturbed") != []


def logged(base: Path) -> str:
    """What Flink has written to the log of a run."""
    return "".join(path.read_text() for path in (base / "state").rglob("*.log"))


def test_a_run_that_has_ended_is_not_run_again(tmp_path: Path) -> None:
    population = Population(20, 2, END_US)
    write_jsonl(simulate(population, seed=3), tmp_path / "events.jsonl")
    config = write_config(tmp_path, "ended")
    run_job(tmp_path, yaml.safe_load(config.read_text()))
    before = told(tmp_path, "ended")
    again = here("run", config)
    assert again.returncode == 2
    assert "an earlier run has ended; --fresh deletes its state and begins anew" in " ".join(
        again.stderr.split()
    )
    assert "the run had already come to its end" in resume_to_end(config)
    assert told(tmp_path, "ended") == before != []


def outcomes_of(base: Path, name: str) -> list[OutcomeRecord]:
    """All that was told of outcomes."""
    found = Run(Outcome(False), base / name / "out").outcomes()
    return [replace(each, version=0) for each in found]


def members_of(base: Path, name: str) -> dict[str, list[str]]:
    """Each user's segments by the newest assignment."""
    assignments = Run(Outcome(False), base / name / "out").assignments()
    return {user: assignment.segments for user, assignment in assignments.items()}
