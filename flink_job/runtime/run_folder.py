"""The folder of a run: what it must find again when it is resumed."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

import msgspec

from flink_job.runtime.atomic import write_whole
from flink_job.runtime.kept_state import complete_in, complete_us
from flink_job.runtime.process_identity import ProcessIdentity
from operators.base.errors import UsageError
from operators.base.moments import iso_at, now_us
from operators.rules.spec import SegmentSpec

_Noted = TypeVar("_Noted", bound=msgspec.Struct)


class Note(msgspec.Struct, frozen=True):
    """What a run was started with: a resumed one must agree with it, and ends at its moment.

    `doubts` are what its input has that can hardly be meant; `roster` is the topic of its roster.
    """

    fingerprint: str
    as_of_us: int | None
    records: int | None  # of a staged file
    segments: dict[str, SegmentSpec]  # by the configuration
    ended: bool = False
    state: str = ""  # a name of its own for what this folder keeps, from its beginning on
    doubts: list[str] = []
    roster: str | None = None


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a folder, and since when (ISO 8601)."""

    process: ProcessIdentity
    since: str


class RestNote(msgspec.Struct, frozen=True):
    """Where the Flink of a process answers."""

    process: ProcessIdentity
    host: str
    port: int


@dataclass(frozen=True)
class RunFolder:
    """Checkpoints, logs and staged input of one job, below one folder."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Where Flink writes checkpoints, in a folder for each job id."""
        return self.path / "checkpoints"

    @property
    def savepoints(self) -> Path:
        """Where a run that is stopped leaves its state."""
        return self.path / "savepoints"

    @property
    def logs(self) -> Path:
        """Where the log of the job is."""
        return self.path / "logs"

    @property
    def upsert(self) -> RunFolder:
        """Where `upsert`, a job of its own, keeps its place in the changelog."""
        return RunFolder(self.path / "upsert")

    @property
    def learning(self) -> RunFolder:
        """Where the job is that learns the cluster models by which everyone is judged."""
        return RunFolder(self.path / "learning")

    @property
    def staged(self) -> Path:
        """The file that the job reads, when its source is files."""
        return self.path / "input" / "events.gz"

    def last_state(self) -> Path | None:
        """The newest complete checkpoint or savepoint."""
        found = [*complete_in(self.checkpoints), *complete_in(self.savepoints)]
        return max(found, key=complete_us, default=None)

    def write(self, note: Note) -> None:
        """Note what the run was started with."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self._note, msgspec.json.encode(note))

    def forget(self) -> None:
        """Delete what was noted, and the state that a run would resume."""
        self._note.unlink(missing_ok=True)
        for path in (self.checkpoints, self.savepoints):
            shutil.rmtree(path, ignore_errors=True)

    def note(self) -> Note | None:
        """What the last run was started with, None if there was none."""
        if not self._note.exists():
            return None
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Note)
        except msgspec.DecodeError as error:
            raise UsageError(
                f"{self.path}: what an earlier run noted in run.json can't be read ({error}): "
                "--fresh deletes its state and begins anew"
            ) from None

    def _whose(self) -> str:
        holder = self.holder()
        if holder is None:
            return ""
        return f", process {holder.process.pid} since {holder.since}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run.

        Raises:
            UsageError: another run holds it.
        """
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"another run is at work in {self.path}{self._whose()}: stop it, or give this "
                    "one another folder (run.state)"
                ) from None
            lock.truncate(0)  # of one that was killed
            holder = Holder(ProcessIdentity.own(), iso_at(now_us()))
            lock.write(msgspec.json.encode(holder).decode())
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def holder(self) -> Holder | None:
        """Who holds the folder, if anybody does.

        The lock itself is not tried: whoever wants it in that moment would be refused.
        """
        found = _noted(self._lock_file, Holder)
        return found if found is not None and found.process.alive() else None

    def note_rest(self, host: str, port: int) -> None:
        """Note where the Flink of the process that holds the folder answers."""
        note = RestNote(ProcessIdentity.own(), host, port)
        write_whole(self._rest, msgspec.json.encode(note))

    def rest(self) -> RestNote | None:
        """Where the Flink of whoever holds the folder answers, if it was started yet."""
        holder, found = self.holder(), _noted(self._rest, RestNote)
        return found if holder and found and found.process == holder.process else None

    def _lock(self) -> TextIO:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return self._lock_file.open("a")  # what the holder noted stays
        except OSError as error:
            raise UsageError(
                f"run.state: {self.path} can't be written: {error.strerror}"
            ) from error

    @property
    def _note(self) -> Path:
        return self.path / "run.json"

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def _rest(self) -> Path:
        return self.path / "rest.json"


def _noted(path: Path, kind: type[_Noted]) -> _Noted | None:
    """What a file notes, None if there is nothing that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
