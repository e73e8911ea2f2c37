"""Neighbours in an array that belong together, such as the looks at each user in their order."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Ints, Mask


class Runs:
    """Runs of equal numbers in `of`, int64[n], ascending from 0 without a gap."""

    def __init__(self, of: Ints) -> None:
        self.of = of
        self.first = np.ones(len(of), np.bool_)
        self.first[1:] = of[1:] != of[:-1]
        self.starts: Ints = np.flatnonzero(self.first)
        self.ends: Ints = np.append(self.starts[1:], len(of)) if len(of) else self.starts

    def latest(self, flags: Mask) -> Ints:
        """Of bool[..., n], where the newest that is set in its run up to each stands; -1: none."""
        at: Ints = np.where(flags, np.arange(len(self.of)), -1)
        np.maximum.accumulate(at, axis=-1, out=at)
        at[at < self.starts[self.of]] = -1
        return at
