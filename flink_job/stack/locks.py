"""One process at a time in a folder, by a file lock that ends with its holder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flink_job.runtime.progress import OnStep


@contextmanager
def locked(path: Path, progress: OnStep) -> Iterator[None]:
    """Hold the lock of a file, waiting for whoever has it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"Waiting for another flockwise at work in {path.parent}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
