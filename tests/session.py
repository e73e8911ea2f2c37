"""A run of tests: a folder for temporary files of its own, and a guardian that ends its rests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest

_GUARDIAN = Path(__file__).with_name("guardian.py")


def is_worker() -> bool:
    """Whether this is a worker of pytest-xdist, which has all of this from its controller."""
    return "PYTEST_XDIST_WORKER" in os.environ


class Session:
    """The run as the one pytest sees it that the user started."""

    def __init__(self) -> None:
        usual = tempfile.gettempdir()
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", usual)  # tmp_path is kept as ever
        self.folder = Path(tempfile.mkdtemp(prefix="flockwise-tests-")).resolve()
        self._pipe = self._guarded()
        # Whatever is started from now on is known by it; JVMs don't look at it themselves.
        os.environ["FLOCKWISE_TESTS"] = str(self.folder)
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder)
        os.environ["JAVA_TOOL_OPTIONS"] += f" -Djava.io.tmpdir={self.folder}"

    def remove(self, folder: Path, *, unless_done: bool = False) -> None:
        """Have a folder removed at the end; or only where the run breaks off."""
        self._say(f"{'unless done' if unless_done else 'always'} {folder}")

    def done(self, status: int) -> None:
        """The run came to its end, unless it was interrupted."""
        if status != pytest.ExitCode.INTERRUPTED:
            self._say("done")

    def _guarded(self) -> IO[str]:
        # The pipe is inherited by nobody, so it ends with this process.
        guardian = subprocess.Popen(
            [sys.executable, "-I", str(_GUARDIAN), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
            start_new_session=True,
        )
        guardian.returncode = 0  # it outlives this process: nobody waits for it
        assert guardian.stdin is not None
        return guardian.stdin

    def _say(self, line: str) -> None:
        self._pipe.write(f"{line}\n")
        self._pipe.flush()


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of the servers that all workers share."""
    own = factory.getbasetemp()
    return (own.parent if is_worker() else own) / "servers"
