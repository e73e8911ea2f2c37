"""Tests that are broken off, however it is done, leave no server, process or folder behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, until
from tests.stack.asking import ROOT

pytestmark = pytest.mark.stack

WORKERS = 2


class Broken:
    """A run of tests in which every worker is at work over the real Kafka."""

    def __init__(self, folder: Path) -> None:
        self.temporary, self.at_work = folder / "tmp", folder / "at work"
        for own in (self.temporary, self.at_work):
            own.mkdir()
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST_")}
        own_folders = {"TMPDIR": str(self.temporary), "AT_WORK": str(self.at_work)}
        words = ["-n", str(WORKERS), "--dist", "each", "tests/stack/left_behind.py"]
        with (folder / "said").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *words],
                cwd=ROOT,
                env=inherited | own_folders,
                stdout=said,
                stderr=said,
                start_new_session=True,
                text=True,
            )

    def processes(self) -> dict[int, str]:
        """All that it has started, but for its guardian, and their command lines."""
        return dict(self._processes())

    def _processes(self) -> Iterator[tuple[int, str]]:
        ours = f"TMPDIR={self.temporary}/".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if ours in (process / "environ").read_bytes():
                    yield int(process.name), (process / "cmdline").read_text().replace("\0", " ")

    def folders(self) -> list[Path]:
        """What lies in the temporary folder, but for pytest's own."""
        top = [path for path in self.temporary.iterdir() if not path.name.startswith("pytest-of-")]
        return [*top, *self.temporary.glob("pytest-of-*/pytest-[0-9]*")]


def workers(run: Broken) -> list[int]:
    return [pid for pid, command in run.processes().items() if "exec(eval(" in command]


@pytest.mark.parametrize(
    "way", ["ctrl-c", pytest.param("term", marks=pytest.mark.long), "kill all"]
)
def test_nothing_is_left(tmp_path: Path, way: str) -> None:
    run = Broken(tmp_path)
    try:
        until(lambda: len([*run.at_work.iterdir()]) == WORKERS, "the workers", run.process)
        started = " ".join(run.processes().values())
        assert started.count("kafka.Kafka ") == 1, "one broker for all workers"
        assert started.count("sleep 3600") == WORKERS
        assert len(run.folders()) == 2
        break_off(run, way)
        until(lambda: not run.processes(), "all processes to be gone")
        until(lambda: not run.folders(), "all folders to be gone")
    finally:
        run.process.kill()
        run.process.wait()


def break_off(run: Broken, way: str) -> None:
    if way == "ctrl-c":
        os.killpg(run.process.pid, signal.SIGINT)
        run.process.wait(PATIENCE_S)
    elif way == "term":
        run.process.terminate()
    else:
        for pid in [*workers(run), run.process.pid]:
            os.kill(pid, signal.SIGKILL)
