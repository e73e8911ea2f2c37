"""A process that runs beside this one for as long as this one does."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 60.0
_STOP_WITHIN_S: Final = 60.0
_HEARD_WITHIN_S: Final = 1.0  # a signal to a group of processes reaches one before the other


class Beside:
    """Runs a command, and again with growing pauses if it ends; its output goes to a file.

    The command's standard input ends when this process does, however that comes about.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ended: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        """`ended` is told its last line when it ends by itself.

        Once we are `stopping`, it may have been told so, too, and has not ended by itself.
        """
        self._command = list(command)
        self._log = log
        self._ended = ended
        self._stopping = stopping
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Begin to run it."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop if it was started, wait until it has, and end it if it does not."""
        self._stop.set()
        if not self._thread.ident:
            return
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._thread.join(_STOP_WITHIN_S)
            if self._thread.is_alive():
                self._process.kill()
        self._thread.join()

    def _keep_running(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            started_s = time.monotonic()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=log, stderr=log
                )
                self._process.wait()
            if self._stop.is_set() or self._stopping.wait(_HEARD_WITHIN_S):
                return
            self._ended(self._last_line())
            if time.monotonic() - started_s > _LONGEST_WAIT_S:
                wait_s = _FIRST_WAIT_S
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
