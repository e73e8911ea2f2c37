"""The users who are judged, as persons: to find who is listed, and who is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask, Rows

Hashes = NDArray[np.uint32]


@dataclass(frozen=True)
class JudgedUsers:
    """The users in n rows of a table.

    `users` and `hashes` (the CRC-32 of each) are those of the whole table.
    """

    users: Sequence[str]
    hashes: Hashes
    rows: Rows

    def user(self, at: int) -> str:
        """The user at a position."""
        return self.users[int(self.rows[at])]


class Roll:
    """The users who are listed as members, of some segments."""

    def __init__(self, lists: Sequence[frozenset[str]]) -> None:
        self._lists = lists
        listed = frozenset[str]().union(*lists)
        self._hashes = np.unique(np.array([crc32(user.encode()) for user in listed], np.uint32))

    def listed(self, users: JudgedUsers) -> Mask:
        """Who of n users is on which list, bool[lists, n]."""
        found = np.zeros((len(self._lists), len(users.rows)), bool)
        hashes = users.hashes[users.rows]
        nearest = self._hashes.take(np.searchsorted(self._hashes, hashes), mode="clip")
        for at in np.flatnonzero(nearest == hashes).tolist():
            user = users.user(at)
            found[:, at] = [user in listed for listed in self._lists]
        return found


class Holdouts:
    """The users who are held out of some segments: of each a stable share of its own.

    Whether a user is depends on the segment's name, the user and the share alone, and whoever
    is held out stays so when the share grows.
    """

    def __init__(self, names: Sequence[str], shares: Sequence[float]) -> None:
        digests = [sha256(name.encode()).digest() for name in names]
        seeds = [int.from_bytes(digest[:8], "little") for digest in digests]
        self._seeds = np.array(seeds, np.uint64).reshape(-1, 1)
        limits = [round(share * 2.0**64) for share in shares]
        self._limits = np.array(limits, np.uint64).reshape(-1, 1)

    def held_out(self, users: JudgedUsers) -> Mask:
        """Who of n users is held out of which segment, bool[segments, n]."""
        held: Mask = _mixed(users.hashes[users.rows] + self._seeds) < self._limits
        return held


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number as one that looks drawn at random (the finalizer of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
