"""Shows how far a job has come: a line that moves on a terminal, lines now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from flink_job.runtime.running import JobProgress

_EVERY_S: Final = 5.0  # where no terminal can overwrite a line


class Ticker:
    """Tells a line again and again as it changes."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status
        self._told_s = 0.0

    def tell(self, line: str) -> None:
        """Show this line in place of the last."""
        if self._status is not None:
            self._status.update(line)
        elif time.monotonic() - self._told_s > _EVERY_S:
            self._told_s = time.monotonic()
            self._console.print(line)


@contextmanager
def ticker(console: Console, first: str) -> Iterator[Ticker]:
    """A ticker for as long as something runs."""
    if console.is_terminal:
        with console.status(first) as status:
            yield Ticker(console, status)
    else:
        console.print(first)
        yield Ticker(console, None)


def job_line(ticker_: Ticker) -> Callable[[JobProgress], None]:
    """Tell a segment job's progress with this ticker."""

    def tell(progress: JobProgress) -> None:
        counts = progress.counters
        rate = counts["records"] / max(progress.seconds, 1e-9)
        ticker_.tell(
            f"{counts['records']:,} events ({rate:,.0f}/s), "
            f"{counts['assignments_changed']:,} assignments changed, "
            f"{counts['transitions']:,} transitions, {counts['dead_letters']:,} dead letters"
        )

    return tell


def count_line(ticker_: Ticker, what: str) -> Callable[[int], None]:
    """Count up and tell with this ticker."""
    total = 0

    def tell(more: int) -> None:
        nonlocal total
        total += more
        ticker_.tell(f"{what}: {total:,}")

    return tell
