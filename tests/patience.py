"""How long tests wait: a machine that has much to do is slow, and nothing is wrong with that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

# For what ends by itself in seconds: whoever waits so long waits in vain.
PATIENCE_S: Final = 1_800.0

_USUAL_S: Final = 180.0
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.3
_LONGEST_REST_S: Final = 2.0


class Process(Protocol):
    """What is at work until it ends: a process, or a job."""

    def poll(self) -> int | None:
        """None while it is at work."""


def until(condition: Callable[[], bool], what: str, process: Process | None = None) -> None:
    """Wait until something is so, three minutes of a machine that does nothing else.

    A process that ends meanwhile will not bring it about. After a look that takes long comes a
    pause that is longer: what is waited for needs the machine.
    """
    left_s, pause_s, seen_s = _USUAL_S, _FIRST_PAUSE_S, time.monotonic()
    while not condition():
        assert process is None or process.poll() is None, f"the job ended before {what}"
        assert left_s > 0, f"waited in vain for {what}"
        looked_s = time.monotonic() - seen_s
        time.sleep(max(pause_s, min(2 * looked_s, _LONGEST_REST_S)))
        pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
        now_s = time.monotonic()
        left_s -= (now_s - seen_s) / crowding()
        seen_s = now_s


def crowding() -> float:
    """How many processes there are to run for each core, at least one."""
    return max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)
