"""Watches over servers: that one goes away is told within ten seconds, and that it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

# Two probes in a row that fail are an outage, and so is silence: a server that hangs is found
# EVERY_S + 2 * PROBE_WITHIN_S + SOON_S after its last answer, or after SILENT_S, whichever is less.
EVERY_S: Final = 2.0
SOON_S: Final = 0.5  # after one that failed
PROBE_WITHIN_S: Final = 3.0
SILENT_S: Final = 9.0
_FAILED: Final = 2
_LOOK_S: Final = 0.5


class WatchedServer(Protocol):
    """What may go away. It is probed by one thread."""

    @property
    def name(self) -> str:
        """Such as "Kafka at localhost:9092"."""

    @property
    def meanwhile(self) -> str:
        """What happens while it is away."""

    @property
    def afterwards(self) -> str:
        """What happens once it is back."""

    def probe(self) -> None:
        """Return if it answers, within about PROBE_WITHIN_S.

        Raises:
            Exception: it does not; the next probe may find it there again.
        """

    def close(self) -> None:
        """Let go of connections."""


class Answers:
    """Whether a server is away, by when it has answered and how often it has not since (in s)."""

    def __init__(self, now_s: float) -> None:
        self._answered_s = now_s
        self._failed = 0
        self._away = False

    def answered(self, now_s: float) -> float | None:
        """It has answered; gives how long it was away if it was."""
        away_s = now_s - self._answered_s if self._away else None
        self._answered_s, self._failed, self._away = now_s, 0, False
        return away_s

    def failed(self) -> None:
        """It has not answered a probe."""
        self._failed += 1

    def gone(self, now_s: float) -> bool:
        """Whether it has just turned out to be away: True once for each time."""
        silent = now_s - self._answered_s > SILENT_S
        gone = not self._away and (silent or self._failed >= _FAILED)
        self._away |= gone
        return gone


class Outages:
    """Probes servers, each in a thread of its own, and tells what becomes of them.

    `away` is told once a server does not answer; `back` once it does again, and after how many
    seconds. Both are called in threads.
    """

    def __init__(
        self,
        servers: Sequence[WatchedServer],
        away: Callable[[WatchedServer], None],
        back: Callable[[WatchedServer, float], None],
    ) -> None:
        self._answers = {server: Answers(time.monotonic()) for server in servers}
        self._away = away
        self._back = back
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        for server in self._answers:
            threading.Thread(target=self._probe, args=(server,), daemon=True).start()
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        """Tell nothing any more."""
        with self._lock:
            self._stop.set()

    def _probe(self, server: WatchedServer) -> None:
        answers, pause_s = self._answers[server], 0.0
        while not self._stop.wait(pause_s):
            try:
                server.probe()
            except Exception:  # whatever it is, the server did not do what it is there for
                answers.failed()
                pause_s = SOON_S
            else:
                pause_s = EVERY_S
                self._answered(server, answers)
        with suppress(Exception):
            server.close()

    def _answered(self, server: WatchedServer, answers: Answers) -> None:
        with self._lock:
            away_s = answers.answered(time.monotonic())
            if away_s is not None and not self._stop.is_set():
                self._back(server, away_s)

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for server, answers in self._answers.items():
                with self._lock:
                    if answers.gone(time.monotonic()) and not self._stop.is_set():
                        self._away(server)
