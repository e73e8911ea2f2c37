"""Processes that outlive the command that started them, and are never mistaken for others.

A started process holds the lock of its pid file for as long as it lives: the file's open
descriptor is inherited, and the kernel drops the lock when the process is gone. So a pid is
trusted only while the lock is held, and a pid that was given to somebody else is never killed.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.05
_PID_WITHIN_S: Final = 10.0
_KILL_WITHIN_S: Final = 10.0

# The inner shell notes its own pid and becomes the program; the outer one leaves it to init,
# which reaps it.
_DETACH: Final = """/bin/sh -c 'echo $$ > "$0"; exec "$@"' "$@" &"""


def start(
    command: Sequence[str], pid_file: Path, log_file: Path, environ: Mapping[str, str]
) -> int | None:
    """Start a detached process in the folder of its pid file; its pid, None if it ended.

    The log is appended to.
    """
    with pid_file.open("w") as held, log_file.open("ab") as log:
        fcntl.flock(held, fcntl.LOCK_EX)
        subprocess.run(
            ["/bin/sh", "-c", _DETACH, "sh", str(pid_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=pid_file.parent,
            env=dict(environ),
            pass_fds=[held.fileno()],
            start_new_session=True,
            check=True,
        )
    wait_until(lambda: not _held(pid_file) or bool(pid_file.read_text()), _PID_WITHIN_S)
    return running(pid_file)


def running(pid_file: Path) -> int | None:
    """The pid of the process that was started with this file, None if it is gone."""
    if not _held(pid_file):
        return None
    pid = pid_file.read_text().strip()
    return int(pid) if pid.isdecimal() else None


def stop(pid_file: Path, patience_s: float) -> bool:
    """End the process of a pid file: TERM, and KILL after the patience; False if none ran."""
    pid = running(pid_file)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: not _held(pid_file), patience_s):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not _held(pid_file), _KILL_WITHIN_S)
    return True


def wait_until(true: Callable[[], bool], patience_s: float) -> bool:
    """Ask until the answer is yes or the patience, in seconds, has run out."""
    deadline_s = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def _held(pid_file: Path) -> bool:
    try:
        with pid_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
