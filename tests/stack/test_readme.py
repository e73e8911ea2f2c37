"""Every command of README.md is run, in its order, where a user would: in a fresh checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from flink_job import local_cluster as cluster
from flink_job import stack
from flink_job.config.load import load
from flink_job.stores.opening import open_store
from tests import starting
from tests.patience import PATIENCE_S, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

ROOT: Final = Path(__file__).parents[2]
UNTIL_CTRL_C: Final = "until Ctrl-C"
# A user has installed it, or `make` does: here it is there, and must not be made anew.
MAKE: Final = "make --old-file=.venv/installed"
# The demo's events end on the last evening: few are in any other segment by the time of day.
LASTING: Final = "Returning Customers"
# What their commands do is tested elsewhere, each for itself.
OVER_SERVERS: Final = ("## Real Kafka and Cassandra", "## On a Flink cluster")
LINKED: Final = (".venv", "Makefile", "flink_job", "operators", "pyproject.toml")

# By the beginning of a command, what it shows when it has done what it is there for.
SHOWN: Final[Mapping[str, str]] = {
    "make demo": r"^Some users, and why$",
    ". ": r"",
    "flockwise lookup .flockwise": r"^user +shopper-00042$",
    "flockwise lookup --why": r"^shopper-00042 is in ",
    "flockwise members .flockwise/demo/demo.yaml 'Cart": r"^shopper-\d+( |$)",
    "flockwise members deploy/examples/shop.yaml 'R": r"^shopper-\d+( |$)",
    # What is learned depends on which lane is first, and a cluster may have lost all of its users.
    "flockwise members .flockwise/demo/demo.yaml --cl": r"^shopper-\d+( |$)|^! nobody is in this ",
    "flockwise clusters list": r"^shoppers, version \d+, .* [\d,]+ profiles learned: silhouette ",
    "flockwise clusters show": r"^✓ .*clusters\.html: open it in a browser$",
    "flockwise export": r"",
    "flockwise segments audit": r"^✓ .*audit\.html: open it in a browser$",
    "flockwise value": r"^all customers +\d+ ",
    "flockwise deadletters .flockwise/demo/demo.yaml": r"^not_json +\d+ ",
    "flockwise verify": r" agrees: [\d,]{3,} records of [\d,]{3,} users and \d+ segments",
    "flockwise validate": r"files\.yaml: \d+ features, \d+ segments",
    "flockwise features": r"^A user's row takes [\d,]+ bytes",
    "flockwise inspect": r"^product_id|^user_id +100% +events.user",
    "flockwise run deploy/examples/files.yaml": r" [\d,]{5,} applied, [\d,]+ dead letters$",
    "flockwise stack up": r"^ *cassandra .* up ",
    "flockwise load": r"✓ [\d,]{5,} events sent to 'shop-events'",
    "flockwise run deploy/examples/shop.yaml": r"✓ stopped; --resume goes on from here$",
    "flockwise stack status": r"^ *kafka .* up ",
    "flockwise segments list": r"^version 1, by .* judged by it: \d of 8 lanes",
    "flockwise segments preview": r"^Returning Customers +0 +0 +[\d,]+$",
    "flockwise segments pause": r"^version 2: Returning Customers$",
    "flockwise segments apply": r"^✓ judged by it: 8 of 8 lanes, [\d,]{3,} of [\d,]+ users$",
    "flockwise deadletters deploy/examples/shop.yaml show": r"^3 of [\d,]+ dead letters shown$",
    "flockwise deadletters deploy/examples/shop.yaml replay": r"^✓ [\d,]+ dead letters would be",
    "deploy/flink/local-cluster start": r"\(3 TaskManagers, 3 slots free\)$",
    "export FLINK_CONF_DIR=": r"",
    "flockwise submit deploy/examples/shop.yaml": r"^'shop upsert' is at work: job ",
    "flockwise status deploy/examples/shop.yaml": r"^shop upsert: running on 127\.0\.0\.1:\d+, ",
    "flockwise stop deploy/examples/shop.yaml": r"^✓ 'shop upsert' has stopped; its state is file:",
    "deploy/flink/local-cluster stop": r"^Ended .*jobmanager",
    "flockwise stack down": r"^Ended kafka and cassandra\.$",
}


@dataclass(frozen=True)
class Command:
    """A line that the README tells a user to type, the comment behind it, and where it stands."""

    text: str
    comment: str
    section: str
    line: int


def commands_of(page: str) -> list[Command]:
    """The lines of the page's sh blocks that are more than a comment."""
    found: list[Command] = []
    section, inside = "", False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            text, _, comment = line.partition("# ")
            if text.strip():
                found.append(Command(text.strip(), comment.strip(), section, number))
        elif line.startswith("## "):
            section = line
    return found


class Terminal:
    """A shell in a folder; what a command sets in its environment is there for the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = _fresh_environment()

    def run(self, text: str) -> str:
        """Run a command to its end; gives what it shows."""
        kept = self.folder / "environment"
        keep = f'{text}\nended=$?\nenv -0 > "{kept}"\nexit $ended'
        with self._start(keep, subprocess.PIPE) as process:
            try:
                said, complaints = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                said, complaints = process.communicate()
        assert process.returncode == 0, _failure(text, process.returncode, complaints, said)
        variables = kept.read_text().rstrip("\0").split("\0")
        self.environ = dict(variable.split("=", 1) for variable in variables)
        return said + complaints

    def run_on(self, text: str) -> Running:
        """Start a command that goes on until Ctrl-C."""
        shown = self.folder / "shown"
        with shown.open("w") as file:
            return Running(text, self._start(f"exec {text}", file.fileno()), shown)

    def _start(self, script: str, shown: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=shown,
            text=True,
            start_new_session=True,
        )


class Running:
    """A command that goes on until Ctrl-C."""

    def __init__(self, text: str, process: subprocess.Popen[str], shown: Path) -> None:
        self._text = text
        self._process = process
        self._shown = shown

    def shown(self) -> str:
        """What it has shown so far."""
        return self._shown.read_text()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        until(condition, f"{what}: `{self._text}`", self._process)

    def interrupt(self) -> str:
        """Ctrl-C, which reaches all processes of a terminal; gives what the command has shown."""
        os.killpg(self._process.pid, signal.SIGINT)
        ended = self._process.wait(PATIENCE_S)
        assert ended == 0, _failure(self._text, ended, self.shown(), "")
        return self.shown()

    def kill(self) -> None:
        """End it in any case."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _failure(text: str, ended: int | None, complaints: str, said: str) -> str:
    return f"`{text}` ended with {ended}:\n{complaints}\n{said}"


def _fresh_environment() -> dict[str, str]:
    """What a user's new shell has: nothing of flockwise, not even on PATH."""
    ours = ("CASSANDRA_", "FLINK_", "KAFKA_", "PYFLINK_", "PYTHON", "VIRTUAL_ENV", "MAKE")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    folders = environ["PATH"].split(os.pathsep)
    own = Path(sys.executable).parent
    environ["PATH"] = os.pathsep.join(folder for folder in folders if Path(folder) != own)
    return environ | {"COLUMNS": "200"}


@pytest.fixture
def checkout(tmp_path: Path, server_jars: None) -> Iterator[Path]:
    """A folder that looks like a checkout; what was started in it is ended with the test."""
    folder = tmp_path / "flockwise"
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    for name in LINKED:
        (folder / name).symlink_to(sys.prefix if name == ".venv" else ROOT / name)
    yield folder
    with ExitStack() as ends:  # the last comes first
        for found in (folder / ".flockwise").glob("*/stack.json"):
            ends.callback(stack.down, found.parent)
        for found in (folder / ".flockwise").glob("*/cluster.json"):
            ends.callback(cluster.stop, found.parent)


class Walk:
    """Goes through commands as a user does; what goes on is ended when its section ends."""

    def __init__(self, terminal: Terminal) -> None:
        self.shown: dict[Command, str] = {}
        self._terminal = terminal
        self._on: tuple[Command, Running] | None = None

    def go(self, command: Command) -> None:
        """Run a command, or start one that goes on."""
        if self._on is not None and command.section != self._on[0].section:
            self.interrupt()
        if command.comment == UNTIL_CTRL_C:
            assert self._on is None, "two that go on"
            running = self._terminal.run_on(command.text)
            self._on = command, running
            self._see_work(running, command)
        else:
            self._check(command, self._terminal.run(re.sub(r"^make\b", MAKE, command.text)))

    def interrupt(self) -> None:
        """Press Ctrl-C if something goes on."""
        if self._on is not None:
            command, running = self._on
            self._on = None
            try:
                self._check(command, running.interrupt())
            finally:
                running.kill()

    def kill(self) -> None:
        """End what goes on, in any case."""
        if self._on is not None:
            self._on[1].kill()

    def _check(self, command: Command, shown: str) -> None:
        starts = [start for start in SHOWN if command.text.startswith(start)]
        assert len(starts) == 1, f"line {command.line}: what does `{command.text}` show?"
        assert re.search(SHOWN[starts[0]], shown, re.MULTILINE), f"`{command.text}`:\n{shown}"
        self.shown[command] = shown

    def _see_work(self, running: Running, command: Command) -> None:
        """See a live run segment what was loaded, and the store follow it."""
        config = load(self._terminal.folder / command.text.split()[2])
        assert config.store is not None
        with closing(open_store(config.store, self._terminal.environ)) as store:
            running.wait_for(lambda: any(store.members(LASTING)), f"members of {LASTING}")


@pytest.mark.parametrize(
    "left_out", [OVER_SERVERS, pytest.param((), marks=pytest.mark.long)], ids=["in short", "all"]
)
def test_every_command_of_the_readme_works(checkout: Path, left_out: tuple[str, ...]) -> None:
    page = (ROOT / "README.md").read_text()
    commands = [command for command in commands_of(page) if command.section not in left_out]
    walk = Walk(Terminal(checkout))
    try:
        for command in commands:
            walk.go(command)
            if command.text == "make demo":
                keep_some(checkout / ".flockwise" / "demo" / "events.jsonl")
        walk.interrupt()
    finally:
        walk.kill()

    assert len(walk.shown) == len(commands)

    exported = (checkout / ".flockwise" / "demo" / "assignments.jsonl").read_text().splitlines()
    assert {"user", "segments", "why"} <= json.loads(exported[0]).keys()
    assert len(exported) > 1_000


def keep_some(events: Path) -> None:
    """Keep the events of 200 shoppers, good and bad: what follows is about other things."""
    lines = events.read_text().splitlines(keepends=True)
    kept = [line for line in lines if re.search("shopper-00[01]", line)]
    assert len(lines) > 150_000, "the README says some 200,000"
    assert len(kept) > 10_000
    events.write_text("".join(kept))


def test_all_that_is_typed_is_a_command_and_is_known() -> None:
    page = (ROOT / "README.md").read_text()
    commands = commands_of(page)
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(commands) == sum(len(block.splitlines()) for block in blocks) > 15
    assert {command.section for command in commands} >= {*OVER_SERVERS}
    unused = [start for start in SHOWN if not any(c.text.startswith(start) for c in commands)]
    assert not unused, "the README no longer has these"


def test_no_command_hides_in_another_kind_of_block() -> None:
    kinds = re.findall(r"^```(.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(kinds[::2]) == {"sh", "yaml", "json"}
    assert set(kinds[1::2]) == {""}


def test_make_runs_what_it_is_said_to_run() -> None:
    assert made("demo") == [".venv/bin/flockwise demo"]
    assert made("test") == [*made("lint"), ".venv/bin/python -m pytest -n 2 --dist loadfile"]
    unmarked = " or ".join(starting.MARKERS)
    assert made("unit") == [
        f".venv/bin/python -m pytest -n 2 --dist loadfile -m 'not ({unmarked})'"
    ]
    assert made("lint") == [
        *(".venv/bin/ruff check .", ".venv/bin/ruff format --check .", ".venv/bin/mypy")
    ]


def made(target: str) -> list[str]:
    """What `make` would run for a target, once all is installed."""
    command = [*MAKE.split(), "--dry-run", "--no-print-directory", target]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
