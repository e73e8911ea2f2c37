"""Kills commands for tests, and looks at what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.patience import until


def flockwise(words: Sequence[str], temporary: Path) -> subprocess.Popen[bytes]:
    """Start a command whose temporary files go into a folder that nobody else uses."""
    with (temporary.parent / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "flink_job", *words],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=said,
            stderr=said,
        )


def of(temporary: Path) -> list[int]:
    """The processes that name the folder on their command lines: the JVM, and who keeps it."""
    return [pid for pid, line in command_lines() if str(temporary) in line]


def command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                yield int(folder.name), (folder / "cmdline").read_text(errors="replace")
            except OSError:  # it has ended
                continue


def all_gone(temporary: Path) -> bool:
    return not of(temporary) and not list(temporary.iterdir())


def at_work(log: Path) -> bool:
    """Whether Flink has begun to run the job."""
    found = log.glob("flink-*.log")
    return any("switched from DEPLOYING to INITIALIZING" in path.read_text() for path in found)


def kill_when(true: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    until(lambda: bool(true()) or process.poll() is not None, "the moment to kill it")
    process.send_signal(signal.SIGKILL)
    process.wait()
