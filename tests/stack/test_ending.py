"""How a live run ends by signals, a closed terminal, or with its JVM; and goes on afterwards."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from flink_job.config.load import load
from flink_job.jobs.segment import Start
from flink_job.plan import Plan
from tests.flink.killing import command_lines, of
from tests.patience import PATIENCE_S, Process
from tests.stack.live import SQLITE, LiveShop, until

pytestmark = [pytest.mark.flink, pytest.mark.stack]

STARTS: Final = 6
JUDGED: Final = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {f"Seen {n}": {"when": f"views >= {n}"} for n in range(1, STARTS + 1)},
    "store": SQLITE,
}
# A run whose terminal is the one that is given as its input.
IN_TERMINAL: Final = """
import os, sys
os.login_tty(0)
os.execv(sys.executable, [sys.executable, "-m", "flink_job", "run", "--resume", sys.argv[1]])
"""
STOPPED: Final = "✓ stopped; --resume goes on from here"
ANEW: Final = "! there is no checkpoint to resume from yet: the run begins anew"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all temporary files: whose command line names it, is a JVM or its keeper."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def upserts(shop: LiveShop) -> list[int]:
    return [
        pid for pid, line in command_lines() if f"upsert {shop.path}" in line.replace("\0", " ")
    ]


def jvms(log: Path) -> list[int]:
    """The JVMs that write a log."""
    return [
        pid
        for pid, line in command_lines()
        if line.partition("\0")[0].endswith("/bin/java") and f"={log}/" in line
    ]


class Ann:
    """A user who is seen once in each start of a job, and nothing is told of her twice."""

    def __init__(self, shop: LiveShop) -> None:
        self._shop = shop
        self._seen = 0
        open_store = Plan(load(shop.path), shop.path.parent).store()
        assert open_store is not None
        self._open_store = open_store

    def comes(self, process: Process, *, stored: bool = True) -> None:
        """See her once more, as the job has, which knows of each time before, and the store."""
        self._seen += 1
        self._shop.view("ann")
        until(self._told, process, f"ann's view number {self._seen}")
        if stored:
            until(self._stored, process, "the store to follow")

    def _told(self) -> bool:
        own = [told for told in self._shop.transitions() if told.user == "ann"]
        kinds = {told.segment: told.kind for told in own}
        assert len(kinds) == len(own)
        return kinds.get(f"Seen {self._seen}") == "enter"

    def _stored(self) -> bool:
        with closing(self._open_store()) as store:
            found = store.lookup("ann")
            return found is not None and len(found.segments) == self._seen


def heads(said: str) -> list[str]:
    """What was told of things that were not to be expected, each in a line.

    On a machine that has much to do Kafka answers late, and that is all.
    """
    lines = (line for line in said.splitlines() if line.startswith(("!", "✗")))
    return [line for line in lines if not line.startswith("! Kafka at ")]


def to_the_group(process: subprocess.Popen[str], _shop: LiveShop, _temporary: Path) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGTERM)  # `timeout` sends it twice


def to_everything(process: subprocess.Popen[str], shop: LiveShop, temporary: Path) -> None:
    """As systemd does."""
    for pid in {process.pid, *upserts(shop), *of(temporary)}:
        os.kill(pid, signal.SIGTERM)


def to_itself(process: subprocess.Popen[str], _shop: LiveShop, _temporary: Path) -> None:
    process.terminate()


Signal = Callable[[subprocess.Popen[str], LiveShop, Path], None]


OTHERS: Final = (to_the_group, to_itself)


@pytest.mark.parametrize(
    ("name", "signals"),
    [
        ("ending", (to_everything,)),
        pytest.param("ending-otherwise", OTHERS, marks=pytest.mark.faults),
    ],
)
def test_whatever_ends_a_run_it_goes_on_from_there(
    name: str, signals: tuple[Signal, ...], kafka: str, tmp_path: Path, temporary: Path
) -> None:
    shop = LiveShop(kafka, name, tmp_path, JUDGED)
    ann = Ann(shop)
    killed_before_there_is_anything_to_resume(shop, tmp_path)
    for send in signals:
        term_stops_as_ctrl_c_does(send, shop, ann, temporary)
    said = (tmp_path / "said").read_text()
    assert {*heads(said)} == {ANEW}
    assert said.count(ANEW) <= 2, "only before there is anything to resume"
    a_jvm_that_is_killed_is_told_in_a_line(shop, ann)
    with shop.at_home(Start(resume=True)) as job:
        ann.comes(job, stored=False)
        job.stop()


def killed_before_there_is_anything_to_resume(shop: LiveShop, folder: Path) -> None:
    with shop.running("--resume") as process:
        until(lambda: jvms(folder / "state" / "logs") != [], process, "Java")
        process.kill()  # before its first checkpoint
    assert not (folder / "state" / "checkpoints").exists()


def term_stops_as_ctrl_c_does(send: Signal, shop: LiveShop, ann: Ann, temporary: Path) -> None:
    said, before = shop.path.with_name("said"), savepoints(shop)
    told = len(said.read_text())
    with shop.running("--resume") as process:
        ann.comes(process)
        send(process, shop, temporary)
        assert process.wait(PATIENCE_S) == 0, send.__name__
    new = said.read_text()[told:]
    assert STOPPED in new, send.__name__
    assert "Traceback" not in new, send.__name__
    assert savepoints(shop) - before, send.__name__


@pytest.mark.long
def test_a_closed_terminal_stops_as_ctrl_c_does(kafka: str, tmp_path: Path) -> None:
    shop = LiveShop(kafka, "hung-up", tmp_path, JUDGED)
    ann = Ann(shop)
    hang_up(shop, ann)
    with shop.at_home(Start(resume=True)) as job:
        ann.comes(job, stored=False)
        job.stop()


def hang_up(shop: LiveShop, ann: Ann) -> None:
    before = savepoints(shop)
    ours, theirs = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", IN_TERMINAL, str(shop.path)], stdin=theirs)
    enough = threading.Event()
    reader = threading.Thread(target=read_until, args=(enough, ours))
    reader.start()
    try:
        os.close(theirs)
        ann.comes(process)
        enough.set()
        reader.join()
        os.close(ours)
        assert process.wait(PATIENCE_S) == 0
    finally:
        enough.set()
        process.kill()
    assert savepoints(shop) - before


def savepoints(shop: LiveShop) -> set[Path]:
    return set(shop.path.parent.glob("state/savepoints/savepoint-*/_metadata"))


def read_until(enough: threading.Event, terminal: int) -> None:
    """Read what is written to a terminal: one that is being read from is not closed yet."""
    with suppress(OSError):
        while not enough.is_set():
            if select.select([terminal], [], [], 0.1)[0]:
                os.read(terminal, 4_096)


def a_jvm_that_is_killed_is_told_in_a_line(shop: LiveShop, ann: Ann) -> None:
    state, said = shop.path.parent / "state", shop.path.with_name("said")
    told = len(said.read_text())
    with shop.running("--resume") as process:
        ann.comes(process)
        (of_upsert,) = jvms(state / "upsert" / "logs")
        os.kill(of_upsert, signal.SIGKILL)
        until(
            lambda: {*jvms(state / "upsert" / "logs")} - {of_upsert} != set(),
            process,
            "`upsert` to be started again",
        )
        (of_segment,) = jvms(state / "logs")
        os.kill(of_segment, signal.SIGKILL)
        assert process.wait(PATIENCE_S) == 1
    new = said.read_text()[told:]
    upsert, run = heads(new)
    assert upsert.startswith("! `upsert` ended and is started again; segmentation goes on: ")
    assert "signal 9" in upsert
    assert run.startswith("✗ Java was ended by signal 9")
    assert re.search(r"the last checkpoint, chk-\d+: --resume goes on from there$", run)
    assert new.splitlines()[-1] == run
    assert "Traceback" not in new
