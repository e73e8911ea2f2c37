"""Only tests that are marked so start JVMs, servers, or jobs: `make unit` leaves these out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

MARKERS: Final = ("flink", "stack", "long", "faults", "soak")

# Commands of flockwise that start a JVM, in a process of their own or in another.
_JOBS: Final = {"run", "demo", "upsert", "submit", "preview", "up", "local-cluster"}
_unmarked: list[str] = []


class StartedError(Exception):
    """A test without a marker has started what only marked ones may."""


@contextmanager
def allowed(item: pytest.Item) -> Iterator[None]:
    """While a test runs, refuse what its markers don't allow."""
    if any(item.get_closest_marker(marker) for marker in MARKERS):
        yield
        return
    _unmarked.append(item.nodeid)
    try:
        yield
    finally:
        _unmarked.clear()


def starts_java(words: list[str]) -> bool:
    """Whether a command starts a JVM."""
    names = [Path(word).name for word in words]
    if "java" in names:
        return True
    ours = "flink_job" in names or "flockwise" in names[:1]
    return ours and not _JOBS.isdisjoint(words) and "--help" not in words


def _look(event: str, details: tuple[Any, ...]) -> None:
    if event != "subprocess.Popen" or not _unmarked:
        return
    words = details[1] if isinstance(details[1], list | tuple) else str(details[1]).split()
    if starts_java([str(word) for word in words]):
        markers = ", ".join(MARKERS)
        raise StartedError(f"{_unmarked[-1]} has none of the markers {markers}, but starts {words}")


sys.addaudithook(_look)
