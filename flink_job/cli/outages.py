"""Tells on the terminal of servers that go away and are back, while something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.markup import escape

from flink_job.jobs.servers import Lags, Servers
from flink_job.runtime.outages import Outages, WatchedServer


@contextmanager
def outages(console: Console, servers: Servers) -> Iterator[Lags]:
    """Watch over these servers; gives the lags, which go on being looked at."""

    def away(server: WatchedServer) -> None:
        _tell(console, f"[yellow]![/] {escape(server.name)} does not answer: {server.meanwhile}")

    def back(server: WatchedServer, seconds: float) -> None:
        gone = f"is back after {seconds:,.0f} s"
        _tell(console, f"[green]✓[/] {escape(server.name)} {gone}: {server.afterwards}")

    watch = Outages(servers.watched, away, back)
    watch.start()
    try:
        yield servers.lags
    finally:
        watch.stop()


def _tell(console: Console, line: str) -> None:
    with suppress(OSError):  # of a terminal that is closed
        console.print(line, soft_wrap=True, highlight=False)
