"""When to send each event of a file, in seconds after the first."""

from __future__ import annotations

from collections.abc import Callable

# Takes the next event's time (microseconds since 1970, None if not known), gives when it is due.
Pace = Callable[[int | None], float]


def at_once(_time_us: int | None) -> float:
    """Everything as fast as it goes."""
    return 0.0


def evenly(rate: float) -> Pace:
    """So many events a second."""
    sent = 0

    def due_s(_time_us: int | None) -> float:
        nonlocal sent
        sent += 1
        return (sent - 1) / rate

    return due_s


def as_it_happened(speed: float, latest_us: int) -> Pace:
    """In the proportions of the events' times, so many times as fast.

    An event without a usable time, or with one that lies before its predecessor's, goes with its
    predecessor; so does one after `latest_us`, which would otherwise hold up all that follow.
    """
    first_us: int | None = None
    newest_us = 0

    def due_s(time_us: int | None) -> float:
        nonlocal first_us, newest_us
        if time_us is not None and time_us <= latest_us:
            first_us = time_us if first_us is None else first_us
            newest_us = max(newest_us, time_us)
        return 0.0 if first_us is None else (newest_us - first_us) / 1_000_000 / speed

    return due_s
