"""Commands in processes of their own, and their end, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.benchmarks.room import BadAnswerError

_STOPPED_WITHIN_S: Final = 180
_POLL_S: Final = 0.2


def write_config(folder: Path, config: Mapping[str, Any]) -> Path:
    """Put a configuration into a file, which is named as it is; JSON is YAML, too."""
    path = folder / f"{config['name']}.yaml"
    path.write_bytes(msgspec.json.encode(config))
    return path


def flockwise(*words: str | Path) -> list[str]:
    """The words of a command of this checkout."""
    return [sys.executable, "-m", "flink_job", *map(str, words)]


class Command:
    """A command that was started; what it says goes to a file."""

    def __init__(self, words: Sequence[str], said: Path, environ: Mapping[str, str]) -> None:
        self._said = said
        with said.open("ab") as output:
            self.began_s = time.time()
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environ},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's."""
        return self._process.pid

    def check(self) -> None:
        """Make sure that it is at work.

        Raises:
            BadAnswerError: it has ended; what it said last.
        """
        if self._process.poll() is not None:
            raise BadAnswerError(f"it ended with {self._process.returncode}: {self.last()}")

    def ended(self) -> bool:
        """Whether it has come to its end by itself.

        Raises:
            BadAnswerError: with an error.
        """
        if self._process.poll() is None:
            return False
        if self._process.returncode:
            self.check()
        return True

    def last(self) -> str:
        """The last line that it has said."""
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing was said"

    def stop(self) -> None:
        """Ask it to stop, and wait for that.

        Raises:
            BadAnswerError: it ended with an error, or not at all.
        """
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise BadAnswerError(f"it did not stop within {_STOPPED_WITHIN_S} s") from None
        if self._process.returncode:
            self.check()

    def kill(self) -> None:
        """End it, and all of its session."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def started(
    words: Sequence[str], said: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """A command; if it is at work yet, in the end it is killed."""
    command = Command(words, said, environ or {})
    try:
        yield command
    finally:
        command.kill()


def until(
    true: Callable[[], bool], within_s: float, what: str, command: Command | None = None
) -> None:
    """Ask until the answer is yes.

    Raises:
        BadAnswerError: it is no for too long; with what the command at work has said last.
    """
    deadline_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline_s:
            said = f"; the command said last: {command.last()}" if command else ""
            raise BadAnswerError(f"{what} did not come within {within_s:,.0f} s{said}")
        time.sleep(_POLL_S)
