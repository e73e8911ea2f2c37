"""Neighbours in an array that belong together, such as the looks at each user in their order."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints, Mask

_T = TypeVar("_T", bound=np.generic)


def begins(of: Ints) -> Mask:
    """Which of n neighbours begin a run of equal numbers, bool[n]."""
    first = np.ones(len(of), np.bool_)
    first[1:] = of[1:] != of[:-1]
    return first


def ends(of: Ints) -> Mask:
    """Which of n neighbours end a run of equal numbers, bool[n]."""
    last = np.ones(len(of), np.bool_)
    last[:-1] = of[1:] != of[:-1]
    return last


class Runs:
    """Runs of equal numbers in `of`, int64[n], ascending from 0 without a gap."""

    def __init__(self, of: Ints) -> None:
        self.of = of
        self.first = begins(of)
        self.starts: Ints = np.flatnonzero(self.first)
        self.ends: Ints = np.append(self.starts[1:], len(of)) if len(of) else self.starts

    def before(self, found: NDArray[_T], first: NDArray[_T]) -> NDArray[_T]:
        """Of [..., n], what was found at the one before each; [..., runs] before the `first`."""
        before = np.empty_like(found)
        before[..., 1:] = found[..., :-1]
        before[..., self.starts] = first
        return before

    def latest(self, flags: Mask) -> Ints:
        """Of bool[..., n], where the newest that is set in its run up to each stands; -1: none."""
        at: Ints = np.where(flags, np.arange(len(self.of)), -1)
        np.maximum.accumulate(at, axis=-1, out=at)
        at[at < self.starts[self.of]] = -1
        return at
