"""How a JVM ended, in words: by its exit code, and by what it said of itself."""

from __future__ import annotations

import re
import signal
from typing import Final

_SIGNALLED: Final = 128  # a shell says so, and adds the number of the signal
_OUT_OF_MEMORY: Final = 3  # of -XX:+ExitOnOutOfMemoryError
_MEMORY: Final = re.compile(r"OutOfMemoryError: ([^\r\n]+)")
_CRASH: Final = re.compile(r"^#\s+(SIG\w+ .*|.*Error.*)$", re.MULTILINE)


def how_it_ended(code: int, said: str) -> str:
    """Such as "Java was ended by signal 9"; `said` is what it wrote, last."""
    memory, crash = _MEMORY.findall(said), _CRASH.findall(said)
    if code == _OUT_OF_MEMORY or memory:
        return f"Java ran out of memory{f' ({memory[-1].strip()})' if memory else ''}"
    if crash:
        return f"Java crashed: {crash[0].strip()}"
    if code == _SIGNALLED + signal.SIGKILL:
        return "Java was ended by signal 9, as the system does where memory is short"
    if code > _SIGNALLED:
        return f"Java was ended by signal {code - _SIGNALLED}"
    last = said.strip().splitlines()[-1:]
    return f"Java ended with exit code {code}{f': {last[0]}' if last else ''}"
