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


def newest_state(folders: Iterable[str], left: KeptState | None) -> KeptState | None:
    """The newest complete savepoint or checkpoint in a job's folders, None without any.

    Beside these URIs, `left` is what the cluster itself remembers that the job has left.

    Raises:
        UsageError: a folder can't be looked into from here, and the cluster remembers nothing.
    """
    found = [
        state
        for folder in folders
        if (place := _looked_into(folder, left)) is not None
        for complete in complete_in(place)
        for state in _at(complete)
    ]
    if left is not None:
        place = _path(left.uri)
        found += [left] if place is None else _at(place)
    return max(found, key=lambda state: state.at_us, default=None)


def state_at(uri: str) -> KeptState | None:
    """A savepoint or checkpoint that this machine can see, None if it can't."""
    place = _path(uri)
    return None if place is None else next(_at(place), None)


def is_here(uri: str) -> bool:
    """Whether this machine can see that a savepoint or checkpoint is complete."""
    return state_at(uri) is not None


def complete_in(folder: Path) -> Iterator[Path]:
    """The complete savepoints and checkpoints in a job's folder of this machine."""
    for pattern in _COMPLETE:
        for metadata in folder.glob(pattern):
            yield metadata.parent


def complete_us(place: Path) -> int:
    """When a savepoint or checkpoint was complete, in microseconds since 1970.

    Raises:
        FileNotFoundError: it is not.
    """
    return (place / "_metadata").stat().st_mtime_ns // 1_000


def _at(folder: Path) -> Iterator[KeptState]:
    """The state in a folder, if it is complete; one that a running job drops may go meanwhile."""
    try:
        at_us = complete_us(folder)
    except FileNotFoundError:
        return
    yield KeptState(folder.as_uri(), at_us)


def _looked_into(folder: str, left: KeptState | None) -> Path | None:
    """A folder of this machine; None for another's, if the cluster tells what is in it.

    Raises:
        UsageError: it does not.
    """
    place = _path(folder)
    if place is None and left is None:
        raise UsageError(
            f"--resume: {folder} can't be looked into from this machine, and the cluster "
            "remembers no state: name the one to go on from with --savepoint"
        )
    return place


def _path(uri: str) -> Path | None:
    """The path of a URI on this machine, None for one that is elsewhere."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
