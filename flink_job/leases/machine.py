"""This machine, its processes and who uses it, told apart from others of the same name."""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")
_STARTED = 19  # of /proc/PID/stat, counted behind the name: ticks since the machine started


def this_machine() -> str | None:
    """The machine since it was started, and the container on it; None where that can't be told."""
    try:
        return f"{_BOOT.read_text().strip()} {_PIDS.readlink()}"
    except OSError:
        return None


def process(pid: int) -> str | None:
    """A process by its number and its start, None if there is none."""
    with suppress(OSError, IndexError):
        said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if said[0] in "ZX" else f"{pid} {said[_STARTED]}"
    return None


def is_gone(found: str) -> bool:
    """Whether a process of this machine has ended."""
    return process(int(found.partition(" ")[0])) != found


def somebody() -> str:
    """Who is at work here; in a container the number may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
