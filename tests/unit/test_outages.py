"""When a server is away, and how long it was, by its answers."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

from flink_job.runtime.outages import (
    EVERY_S,
    PROBE_WITHIN_S,
    SILENT_S,
    SOON_S,
    Answers,
    Outages,
    WatchedServer,
)
from tests.patience import PATIENCE_S

TOLD_WITHIN_S = 10.0


def test_an_outage_is_found_in_time() -> None:
    assert EVERY_S + 2 * PROBE_WITHIN_S + SOON_S < TOLD_WITHIN_S
    assert SILENT_S < TOLD_WITHIN_S


def test_one_probe_that_fails_is_no_outage() -> None:
    answers = Answers(100.0)
    answers.failed()
    assert not answers.gone(104.0)
    assert answers.answered(105.0) is None
    answers.failed()
    assert not answers.gone(108.0)


def test_two_probes_that_fail_are_told_once_with_how_long_it_took() -> None:
    answers = Answers(100.0)
    answers.answered(101.0)
    answers.failed()
    answers.failed()
    assert [answers.gone(105.0), answers.gone(106.0)] == [True, False]
    answers.failed()
    assert not answers.gone(107.0)
    assert answers.answered(171.0) == 70.0
    assert answers.answered(173.0) is None
    assert not answers.gone(174.0)


def test_silence_is_an_outage_too() -> None:
    answers = Answers(100.0)
    assert not answers.gone(100.0 + SILENT_S)
    assert answers.gone(100.1 + SILENT_S)


class Fallible:
    """A server that answers until it is told not to."""

    name, meanwhile, afterwards = "it", "", ""

    def __init__(self, answer: Callable[[], None]) -> None:
        self._answer = answer
        self.closed = Event()

    def probe(self) -> None:
        self._answer()

    def close(self) -> None:
        self.closed.set()


def test_a_server_that_goes_away_and_comes_back_is_told() -> None:
    down, away, back = Event(), Event(), Event()
    seconds: list[float] = []

    def answer() -> None:
        if down.is_set():
            raise OSError("down")

    def is_back(server: WatchedServer, away_s: float) -> None:
        assert server is fallible
        seconds.append(away_s)
        back.set()

    fallible = Fallible(answer)
    watch = Outages([fallible], lambda _: away.set(), is_back)
    watch.start()
    down.set()
    assert away.wait(PATIENCE_S)
    down.clear()
    assert back.wait(PATIENCE_S)
    watch.stop()
    assert fallible.closed.wait(PATIENCE_S)
    assert seconds == [pytest.approx(seconds[0])]
    assert seconds[0] > SOON_S
