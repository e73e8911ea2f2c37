"""Which of a user's events a feature is about: the last, or the first ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Mask, Moments


@dataclass(frozen=True)
class WhichEvent:
    """Which of a user's events is meant: the newest, or the first ever. `never` is no time yet."""

    never: int
    extreme: np.ufunc

    def beats(self, time_us: Moments, other_us: Moments) -> Mask:
        """Of equal times the newest is the last to arrive, and the first the first."""
        return time_us >= other_us if self is LAST_EVENT else time_us < other_us


LAST_EVENT: Final = WhichEvent(-1, np.maximum)
FIRST_EVENT: Final = WhichEvent(NEVER, np.minimum)
