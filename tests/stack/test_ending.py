"""How a live run ends by signals, a closed terminal, or with its JVM; and goes on afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from flink_job.jobs.segment import Start
from tests.flink.killing import command_lines, of
from tests.patience import PATIENCE_S, Process
from tests.stack.live import SQLITE, LiveShop, at_work, kinds_of, until

pytestmark = [pytest.mark.flink, pytest.mark.stack]

JUDGED: Final = {
    "events": {"time_unit": "ms"},
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {"Once": {"when": "views >= 1"}, "Twice": {"when": "views >= 2"}},
    "store": SQLITE,
}
# A run whose terminal is the one that is given as its input.
IN_TERMINAL: Final = """
import os, sys
os.login_tty(0)
os.execv(sys.executable, [sys.executable, "-m", "flink_job", "run", sys.argv[1]])
"""
STOPPED: Final = "✓ stopped; --resume goes on from here"


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


def begin(shop: LiveShop, process: Process, folder: Path) -> None:
    """Wait until both jobs are at work and have made a checkpoint."""
    until(lambda: at_work(shop), process, "the job to work")
    until(lambda: any((folder / "upsert").glob("checkpoints/*/chk-*")), process, "`upsert`")


def goes_on(shop: LiveShop) -> None:
    """Resume, and see that what was judged before is known."""
    shop.view("ann")
    with shop.at_home(Start(resume=True)) as job:
        until(lambda: kinds_of(shop, "ann", "Twice") == ["enter"], job, "ann's second view")
        job.stop()


def viewed(shop: LiveShop, process: Process) -> None:
    """See ann once, as the job has, too."""
    shop.view("ann")
    until(lambda: kinds_of(shop, "ann", "Once") == ["enter"], process, "ann's first view")


def heads(said: str) -> list[str]:
    """What was told of things that were not to be expected, each in a line."""
    return [line for line in said.splitlines() if line.startswith(("!", "✗"))]


def check_said(said: str) -> None:
    """It was told in a few lines that it has stopped, and of nothing that has gone wrong."""
    assert STOPPED in said
    assert "Traceback" not in said
    assert heads(said) == []


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


@pytest.mark.parametrize("send", [to_the_group, to_everything, to_itself])
def test_term_stops_as_ctrl_c_does(
    send: Signal, kafka: str, tmp_path: Path, temporary: Path
) -> None:
    shop = LiveShop(kafka, send.__name__.replace("_", "-"), tmp_path, JUDGED)
    with shop.running() as process:
        begin(shop, process, tmp_path / "state")
        viewed(shop, process)
        send(process, shop, temporary)
        assert process.wait(PATIENCE_S) == 0
    check_said((tmp_path / "said").read_text())
    assert list((tmp_path / "state" / "savepoints").glob("savepoint-*/_metadata"))
    goes_on(shop)


def test_a_closed_terminal_stops_as_ctrl_c_does(
    kafka: str, tmp_path: Path, temporary: Path
) -> None:
    shop = LiveShop(kafka, "terminal", tmp_path, JUDGED)
    ours, theirs = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", IN_TERMINAL, str(shop.path)], stdin=theirs)
    try:
        os.close(theirs)
        threading.Thread(target=read_all, args=(ours,), daemon=True).start()
        begin(shop, process, tmp_path / "state")
        viewed(shop, process)
        os.close(ours)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
    assert list((tmp_path / "state" / "savepoints").glob("savepoint-*/_metadata"))
    goes_on(shop)


def read_all(terminal: int) -> None:
    with suppress(OSError):
        while os.read(terminal, 4_096):
            pass


def test_a_jvm_that_is_killed_is_told_in_a_line(
    kafka: str, tmp_path: Path, temporary: Path
) -> None:
    shop = LiveShop(kafka, "jvm", tmp_path, JUDGED)
    state = tmp_path / "state"
    with shop.running() as process:
        begin(shop, process, state)
        viewed(shop, process)
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
    said = (tmp_path / "said").read_text()
    upsert, run = heads(said)
    assert upsert.startswith("! `upsert` ended and is started again; segmentation goes on: ")
    assert "signal 9" in upsert
    assert run.startswith("✗ Java was ended by signal 9")
    assert re.search(r"the last checkpoint, chk-\d+: --resume goes on from there$", run)
    assert said.splitlines()[-1] == run
    assert "Traceback" not in said
    goes_on(shop)


def test_a_run_is_resumed_before_there_is_anything_to_resume(
    kafka: str, tmp_path: Path, temporary: Path
) -> None:
    shop = LiveShop(kafka, "not-yet", tmp_path, JUDGED)
    with shop.running("--resume") as process:
        until(lambda: jvms(tmp_path / "state" / "logs") != [], process, "Java")
        process.kill()  # before its first checkpoint
    assert not (tmp_path / "state" / "checkpoints").exists()
    shop.view("ann")
    with shop.running("--resume") as process:
        until(lambda: kinds_of(shop, "ann", "Once") == ["enter"], process, "ann's first view")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    anew = "! there is no checkpoint to resume from yet: the run begins anew"
    assert anew in heads((tmp_path / "said").read_text())
    goes_on(shop)
    assert heads((tmp_path / "said").read_text()).count(anew) <= 2
