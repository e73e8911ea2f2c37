"""p of several comparisons, corrected for their number."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from operators.base.arrays import Floats, Ints

Correction = Literal["holm", "benjamini-hochberg"]
CORRECTIONS: Final = ("holm", "benjamini-hochberg")


def adjusted(p: Floats, correction: Correction) -> Floats:
    """Each p, corrected for all of float64[n]: compare it with alpha as if it were the only one."""
    return holm(p) if correction == "holm" else benjamini_hochberg(p)


def holm(p: Floats) -> Floats:
    """That there be any false alarm is as likely as alpha at most (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    weights = np.arange(len(p), 0, -1)
    stepped = np.maximum.accumulate(p[order] * weights) if len(p) else p
    return _back(np.minimum(stepped, 1), order)


def benjamini_hochberg(p: Floats) -> Floats:
    """The expected share of false alarms among all alarms is alpha at most.

    For comparisons that are independent, or positively dependent (Benjamini and Hochberg 1995).
    """
    order = np.argsort(p, kind="stable")[::-1]
    weights = len(p) / np.arange(len(p), 0, -1)
    stepped = np.minimum.accumulate(p[order] * weights) if len(p) else p
    return _back(np.minimum(stepped, 1), order)


def _back(ordered: Floats, order: Ints) -> Floats:
    found = np.empty(len(ordered))
    found[order] = ordered
    return found
