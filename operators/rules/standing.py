"""How a user stands to a segment, in one word of state.

In it since a moment, held out of it since a moment (in but for the segment's holdout), or out
since a moment: so the word that says who is in says, too, when a cool-down began. Moments are
microseconds since 1970. Whoever has never been in has the word `NEVER_IN`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Mask, Moments

NEVER_IN: Final = -1

_HELD_OUT: Final = 1 << 62  # added to the moment; no moment is as large


def standing(inside: Mask, held_out: Mask, now_us: Moments) -> Moments:
    """The standings of those who come to be in, held out or out now; int64, shapes broadcast."""
    within = np.where(held_out, now_us + _HELD_OUT, now_us)
    return np.where(inside, within, ~now_us)


def inside(standings: Moments) -> Mask:
    """Who is in or held out."""
    found: Mask = standings >= 0
    return found


def member(standings: Moments) -> Mask:
    """Who is in, and not held out."""
    found: Mask = (standings >= 0) & (standings < _HELD_OUT)
    return found


def held_out(standings: Moments) -> Mask | None:
    """Who is held out; None if nobody is."""
    if standings.max(initial=NEVER_IN) < _HELD_OUT:
        return None
    return standings >= _HELD_OUT


def entered_us(standings: Moments) -> Moments:
    """When those entered who are in or held out; means nothing for others."""
    return standings & (_HELD_OUT - 1)


def left_us(standings: Moments) -> Moments:
    """When those left who are out and were in before; means nothing for others."""
    return ~standings
