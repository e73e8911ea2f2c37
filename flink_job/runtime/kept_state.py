"""The state that jobs on a cluster have left: where it lies, and the newest that is complete.

Each job has a folder of its own below that for checkpoints and that for savepoints, so that what
one has left is never taken for another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from operators.base.errors import UsageError

# Flink writes _metadata last: without it a savepoint or checkpoint is not complete.
_COMPLETE: Final = ("*/chk-*/_metadata", "savepoint-*/_metadata")


@dataclass(frozen=True)
class KeptState:
    """A savepoint or checkpoint: its URI, and when it was complete, in microseconds since 1970."""

    uri: str
    at_us: int

    @property
    def kind(self) -> str:
        """Which of the two it is."""
        return "savepoint" if Path(self.uri).name.startswith("savepoint-") else "checkpoint"


def as_uri(given: str) -> str:
    """A place as a URI; a path is one of this machine's."""
    if "://" in given or given.startswith("file:"):
        return given
    return Path(given).expanduser().resolve().as_uri()


def job_folder(base: str, name: str, kind: str) -> str:
    """The URI of the folder of a job, below that of all."""
    return f"{base.rstrip('/')}/{quote(name, safe='')}/{kind}"


def newest_state(folders: Iterable[str], left: str | None) -> KeptState | None:
    """The newest complete savepoint or checkpoint in a job's folders, None without any.

    Beside these URIs, `left` is what the cluster itself remembers that the job has left.

    Raises:
        UsageError: a folder can't be looked into from here.
    """
    found = [
        state
        for folder in folders
        for place in complete_in(_path(folder, left))
        for state in _at(place)
    ]
    found += _at(_path(left, left)) if left else ()
    return max(found, key=lambda state: state.at_us, default=None)


def is_here(uri: str) -> bool:
    """Whether this machine can see that a savepoint or checkpoint is complete."""
    parts = urlsplit(uri)
    return parts.scheme == "file" and (Path(unquote(parts.path)) / "_metadata").is_file()


def complete_in(folder: Path) -> Iterator[Path]:
    """The complete savepoints and checkpoints in a job's folder of this machine."""
    for pattern in _COMPLETE:
        for metadata in folder.glob(pattern):
            yield metadata.parent


def _at(folder: Path) -> Iterator[KeptState]:
    """The state in a folder, if it is complete; one that a running job drops may go meanwhile."""
    try:
        at_us = (folder / "_metadata").stat().st_mtime_ns // 1_000
    except FileNotFoundError:
        return
    yield KeptState(folder.as_uri(), at_us)


def _path(uri: str, left: str | None) -> Path:
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    remembered = f"; the cluster remembers {left}" if left else ""
    raise UsageError(
        f"--resume: {uri} can't be looked into from this machine: name the savepoint or checkpoint "
        f"to go on from with --savepoint{remembered}"
    )
