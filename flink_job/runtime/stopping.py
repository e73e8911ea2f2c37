"""Ctrl-C, and what ends a service or a terminal, as a wish that work may look at."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_INTERRUPTED: Final = 128  # a shell's exit code of what a signal has ended is this and its number


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C, TERM or HUP sets, in place of ending the process.

    HUP stays ignored where it is: that is how `nohup` starts what shall outlive its terminal.
    """
    stop = threading.Event()

    def wish(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            leave_closed_terminal()
        stop.set()

    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} - _ignored(signal.SIGHUP)
    before = {number: signal.signal(number, wish) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within `stopping`: while there is nothing yet to be stopped, signals end the process."""
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_at_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_signals() -> None:
    """Let TERM and HUP end this process as it would end by itself: what it holds is let go."""

    def end(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            leave_closed_terminal()
        raise SystemExit(_INTERRUPTED + number)

    for number in {signal.SIGTERM, signal.SIGHUP} - _ignored(signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def leave_closed_terminal() -> None:
    """Say what is still said to nobody, if the terminal is closed: writing to it would fail."""
    for output in (1, 2):
        if stat.S_ISCHR(os.fstat(output).st_mode) and not os.isatty(output):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, output)
            os.close(nowhere)


def _ignored(*numbers: signal.Signals) -> set[signal.Signals]:
    return {number for number in numbers if signal.getsignal(number) is signal.SIG_IGN}
