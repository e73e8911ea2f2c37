"""A process that can be named for later: a pid alone may be somebody else's by then."""

from __future__ import annotations

import getpass
import os
import signal
from pathlib import Path
from typing import Final

import msgspec

_PROC: Final = Path("/proc")
_GONE: Final = ("Z", "X")  # it has ended, and nobody has asked how
_START_TIME: Final = 19  # of the fields behind the name, from the state on


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process: its pid, when it was started (ticks of the clock), and in which run of a machine.

    No two processes have all of these. Where there is no /proc, none is known to be alive.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def own(cls) -> ProcessIdentity:
        """That of this process."""
        return cls(os.getpid(), _started(os.getpid()) or 0, _boot())

    def alive(self) -> bool:
        """Whether it is at work, on this machine."""
        return self.boot == _boot() and _started(self.pid) == self.started

    def gone(self) -> bool:
        """Whether it was a process of this machine, and has ended."""
        return self.boot != "" and self.boot == _boot() and not self.alive()

    def interrupt(self) -> bool:
        """Ask it to stop, as Ctrl-C does; False if it is not at work any more.

        Raises:
            PermissionError: it is somebody else's.
        """
        if not self.alive():
            return False
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # Only now: a pid may change hands, a handle does not.
            if self.alive():
                signal.pidfd_send_signal(handle, signal.SIGINT)
                return True
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)
        return False


def somebody() -> str:
    """Who is at work here; in a container the number may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _started(pid: int) -> int | None:
    """When a process was started, None if there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()  # its name may hold anything
    return None if state in _GONE else int(rest[_START_TIME - 1])


def _boot() -> str:
    """The run of this machine, and of the container whose pids these are."""
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self' / 'ns' / 'pid').readlink()}"
    except OSError:
        return ""
