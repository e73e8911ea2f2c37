"""Waiting for a running job, with a line that says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from flink_job.cli.progress import ticker
from flink_job.cli.run import console

_POLL_S: Final = 0.3

_T = TypeVar("_T")


def waited(look: Callable[[], _T | None], seconds: float, what: str) -> _T | None:
    """Look again and again until something is there or the time is over."""
    give_up_s = time.monotonic() + seconds
    with ticker(console, what):
        while (found := look()) is None and time.monotonic() < give_up_s:
            time.sleep(_POLL_S)
    return found
