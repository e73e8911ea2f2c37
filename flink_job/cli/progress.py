"""Shows how far a job has come: a line that moves on a terminal, new lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from flink_job.jobs.servers import Lags
    from flink_job.runtime.running import JobProgress

_EVERY_S: Final = 5.0  # where no terminal can overwrite a line
_RATE_OVER_S: Final = 5.0


class Ticker:
    """Tells a line again and again as it changes; without a terminal, only if it has."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status
        self._told_s = 0.0
        self._told = ""

    def tell(self, line: str) -> None:
        """Show this line in place of the last."""
        with suppress(OSError):  # a terminal that is closed ends nothing here
            if self._status is not None:
                self._status.update(line)
            elif line != self._told and time.monotonic() - self._told_s > _EVERY_S:
                self._told_s, self._told = time.monotonic(), line
                self._console.print(line, soft_wrap=True, highlight=False)


class RecentRate:
    """How fast something grows now: over the last seconds."""

    def __init__(self) -> None:
        self._seen = deque[tuple[float, int]]()

    def of(self, at_s: float, total: int) -> float:
        """The rate in 1/s, by what it has grown to at a moment."""
        self._seen.append((at_s, total))
        while len(self._seen) > 1 and self._seen[1][0] <= at_s - _RATE_OVER_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        return (total - first) / (at_s - first_s) if at_s > first_s else 0.0


@contextmanager
def ticker(console: Console, first: str) -> Iterator[Ticker]:
    """A ticker for as long as something runs."""
    if console.is_terminal:
        with console.status(first) as status:
            yield Ticker(console, status)
    else:
        console.print(first)
        yield Ticker(console, None)


def job_line(ticker_: Ticker, lags: Lags) -> Callable[[JobProgress], None]:
    """Tell a segment job's progress with this ticker, and how far it and the store are behind."""
    rate = RecentRate()

    def tell(progress: JobProgress) -> None:
        counts = progress.counters
        now = rate.of(progress.seconds, counts["records"])
        ticker_.tell(
            f"{counts['records']:,} events ({now:,.0f}/s{_to_read(lags)}), "
            f"{counts['assignments_changed']:,} assignments changed, "
            f"{counts['transitions']:,} transitions, {counts['dead_letters']:,} dead letters"
            f"{_to_store(lags)}"
        )

    return tell


def learning_line(ticker_: Ticker) -> Callable[[JobProgress], None]:
    """Tell how far the first half of a run is that reads its history twice."""
    rate = RecentRate()

    def tell(progress: JobProgress) -> None:
        events = progress.counters["records"]
        now = rate.of(progress.seconds, events)
        ticker_.tell(f"first half, for the cluster models alone: {events:,} events ({now:,.0f}/s)")

    return tell


def upsert_line(ticker_: Ticker, lags: Lags) -> Callable[[JobProgress], None]:
    """Tell an upsert job's progress with this ticker, and how far the store is behind."""

    def tell(progress: JobProgress) -> None:
        counts = progress.counters
        ticker_.tell(
            f"{counts['assignments_written']:,} assignments and "
            f"{counts['transitions_written']:,} transitions read into the store{_to_store(lags)}"
        )

    return tell


def _to_read(lags: Lags) -> str:
    return "" if lags.events is None else f", {lags.events:,} to read"


def _to_store(lags: Lags) -> str:
    return "" if lags.store is None else f", {lags.store:,} records to store"


def count_line(ticker_: Ticker, what: str) -> Callable[[int], None]:
    """Count up and tell with this ticker."""
    total = 0

    def tell(more: int) -> None:
        nonlocal total
        total += more
        ticker_.tell(f"{what}: {total:,}")

    return tell
