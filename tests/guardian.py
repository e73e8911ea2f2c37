"""Ends what a run of tests leaves, however the run ends. It is a program: see tests/session.py.

It reads from the pipe that only pytest holds, to its end: that is when pytest is gone, be it
killed. Then it ends all processes whose environment names the run's folder, as FLOCKWISE_TESTS or
TMPDIR, as that of all does which tests start, whoever started them, and removes folders. On the
pipe come lines: `always FOLDER` and `unless done FOLDER` name folders to remove, `done` says that
the run came to its end.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

GIVE_UP_S = 60.0
PAUSE_S = 0.1
ROUNDS = 3  # what is just being started shows in the next


def started(folder: str) -> Iterator[int]:
    """The processes that were started in the run of this folder."""
    wanted = {f"{name}={folder}".encode() for name in ("FLOCKWISE_TESTS", "TMPDIR")}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if not wanted.isdisjoint((process / "environ").read_bytes().split(b"\0")):
                yield int(process.name)


def end_all(folder: str) -> None:
    """Kill them until none is there."""
    deadline_s, quiet = time.monotonic() + GIVE_UP_S, 0
    while quiet < ROUNDS and time.monotonic() < deadline_s:
        found = [pid for pid in started(folder) if pid != os.getpid()]
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        quiet = 0 if found else quiet + 1
        time.sleep(PAUSE_S)


def main(folder: str) -> None:
    """Wait for the end of the pipe, then end and remove what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lines = sys.stdin.read().splitlines()
    end_all(folder)
    kinds = ("always ",) if "done" in lines else ("always ", "unless done ")
    named = [line.removeprefix(kind) for kind in kinds for line in lines if line.startswith(kind)]
    for path in [*named, folder]:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
