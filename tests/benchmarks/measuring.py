"""Rooms, one after the other, each in a process of its own; and that nothing is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from flink_job import stack
from operators.base.errors import FlockwiseError
from tests.benchmarks.parts import PARTS, ROOMS, RoomOf
from tests.benchmarks.room import MARK, Asked, Figure, console, figures_in
from tests.benchmarks.spending import marked

_ENDED_WITHIN_S: Final = 30.0
_KILLED_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.1
_GUARDIAN: Final = Path(__file__).parents[1] / "guardian.py"


@dataclass(frozen=True)
class Measured:
    """What parts came to: of all keys, of which some were asked for; and seconds by room."""

    asked: Sequence[str]
    figures: dict[str, Figure]
    seconds: dict[str, float]
    quick: bool


def measure(keys: Sequence[str], *, quick: bool, repeats: int = 0) -> Measured:
    """Measure parts. Whatever fails, the others go on."""
    asked = [key for key in PARTS if key in keys]
    figures = {key: Figure(key, None, why="not asked for") for key in PARTS}
    seconds: dict[str, float] = {}
    with _folder() as folder, _servers(folder / "servers") as servers:
        for room in ROOMS:
            if wanted := [part.key for part in room.parts if part.key in asked]:
                began_s = time.monotonic()
                told = folder / f"{room.module}.figures"
                given = Asked(room.module, wanted, quick, repeats, str(folder), str(told))
                figures |= _measured(room, given, servers)
                seconds[room.module] = round(time.monotonic() - began_s, 1)
    return Measured(asked, figures, seconds, quick)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for all; a guardian removes it, and ends who is at work for it, if we are killed."""
    folder = Path(tempfile.mkdtemp(prefix="flockwise-bench-")).resolve()
    # Nobody inherits the pipe, so it ends with this process.
    guardian = subprocess.Popen(
        [sys.executable, "-I", str(_GUARDIAN), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    os.environ["FLOCKWISE_TESTS"] = str(folder)  # by this it knows whom to end
    try:
        yield folder
    finally:
        assert guardian.stdin is not None
        guardian.stdin.close()
        guardian.wait()


class _Servers:
    """Kafka and Cassandra in a folder, each started at its first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, room: RoomOf) -> None:
        """See to those that a room needs.

        Raises:
            FlockwiseError: one can't be had.
        """
        if room.servers:
            stack.up(self._folder, parts=room.servers, progress=_tell)


def _tell(line: str) -> None:
    console.print(f"  {line}")


@contextmanager
def _servers(folder: Path) -> Iterator[_Servers]:
    try:
        yield _Servers(folder)
    finally:
        stack.down(folder)


def _measured(room: RoomOf, asked: Asked, servers: _Servers) -> dict[str, Figure]:
    """The figures of a room; those that it does not give say why."""
    keys = asked.keys
    console.print(f"[bold]{room.module}[/]: {', '.join(keys)}", highlight=False)
    if asked.quick and not room.quick:
        return _none(keys, "left out by --quick")
    try:
        servers.start(room)
    except FlockwiseError as error:
        return _none(keys, str(error))
    why = _run(asked, room.quick_s if asked.quick else room.full_s)
    return _none(keys, why) | figures_in(Path(asked.figures))


def _none(keys: Sequence[str], why: str) -> dict[str, Figure]:
    return {key: Figure(key, None, why=why) for key in keys}


def _run(asked: Asked, within_s: int) -> str:
    """Run a room to its end; gives why what it has not told is missing."""
    mark = f"{asked.room}-{uuid4().hex}"
    Path(asked.folder, asked.room).mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.measured", msgspec.json.encode(asked).decode()],
        env={**os.environ, MARK: mark},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(within_s)
        return f"the room ended with {code}" if code else "the room did not say"
    except subprocess.TimeoutExpired:
        return f"it took longer than {within_s} s"
    finally:
        _end(process, f"{MARK}={mark}")


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End a room and all that it has started, by asking first."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_ENDED_WITHIN_S)
    deadline_s = time.monotonic() + _KILLED_WITHIN_S
    while (left := list(marked(mark))) and time.monotonic() < deadline_s:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        time.sleep(_POLL_S)
