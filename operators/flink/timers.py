"""Timers by the wall clock, for the operators that keep users in lanes."""

from __future__ import annotations

from typing import Any, Final

from operators.base.arrays import NEVER

PULSE_US: Final = 10_000_000  # a lane is looked at so often, and so soon after a restore

_STEP_US: Final = 1_000_000  # due moments of a second share a timer


class Timers:
    """For each lane, the current key, the earliest of the timers that this process has set."""

    def __init__(self) -> None:
        self._at_us: dict[int, int] = {}

    def set(self, ctx: Any, due_us: int) -> None:
        """Have a timer fire once a moment has come, if none will before."""
        lane = ctx.get_current_key()
        at_us = -(-due_us // _STEP_US) * _STEP_US
        if at_us < self._at_us.get(lane, NEVER):
            self._at_us[lane] = at_us
            ctx.timer_service().register_processing_time_timer(at_us // 1_000)

    def fired(self, ctx: Any) -> None:
        """A timer has fired; whoever wants another sets it."""
        self._at_us.pop(ctx.get_current_key(), None)
