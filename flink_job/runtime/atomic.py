"""Files and folders that are there whole or not at all, whatever ends the writer.

What is written lies beside its place under a name that ends in `.partial`; a crash may leave it
there, and the next writer of the same place takes it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_BY_UMASK: Final = 0o666


@contextmanager
def whole_file(path: Path, *, mode: int = _BY_UMASK, keep_empty: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path`, on disk, when the block ends well.

    It never has more permissions than `mode`. Without `keep_empty` a file to which nothing was
    written leaves everything as it was.

    Raises:
        OSError: it can't be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # its permissions, or its owner, may be others
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
            written = file.tell()
        if written or keep_empty:
            _put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, mode: int = _BY_UMASK) -> None:
    """Write a file as `whole_file` does.

    Raises:
        OSError: it can't be written.
    """
    with whole_file(path, mode=mode) as file:
        file.write(content)


def move_whole(folder: Path, path: Path) -> None:
    """Put a folder that is written, on the same disk, in the place of `path`.

    A folder that is there goes; a crash between leaves none.

    Raises:
        OSError: it can't be moved.
    """
    for below in (*folder.rglob("*"), folder):
        _sync(below)
    shutil.rmtree(path, ignore_errors=True)
    _put(folder, path)


def _put(written: Path, path: Path) -> None:
    written.replace(path)
    _sync(path.parent)  # a name is part of its folder


def _sync(path: Path) -> None:
    """Have a file or folder on disk, so that a power cut leaves it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
