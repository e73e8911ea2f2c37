"""Holding a folder of output: by a lock that ends with its process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from operators.base.errors import UsageError

_LOCK = ".flockwise"  # a hidden file: whoever reads the folder passes over it


@contextmanager
def folder_held(folder: Path, whose: str) -> Iterator[None]:
    """Hold a folder, which must be there; its lock file says whose it is.

    Raises:
        UsageError: another process holds it.
    """
    with (folder / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UsageError(
                f"output.folder: {folder} is being written by {lock.read().strip()}; end that "
                "first, or give this configuration another folder"
            ) from None
        lock.truncate(0)
        lock.write(whose)
        lock.flush()
        yield
