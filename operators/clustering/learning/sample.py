"""A bounded sample of users, with what each was at last: what cluster models are fitted to.

Samples of evaluations would weigh a user by their activity, and clusters are of users. So users
draw a ticket, a hash of theirs, and those with the lowest are in the sample for as long as they
are (a bottom-k sample; Cohen and Kaplan, 2007): whoever has few users knows them all.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints, Moments
from operators.clustering.preparing.preparation import usable
from operators.clustering.space import Space
from operators.clustering.stored import floats, to_bytes

LARGEST: Final = 4_096  # users: a share is known to 1 % or so, and a snapshot has 400 KB

Tickets = NDArray[np.uint32]

_SPREAD: Final = np.uint32(2_654_435_769)  # Fibonacci hashing (Knuth): pages are of the low bits
# Lanes have not quite the same number of users: each sends the users of twice its part.
_AMPLE: Final = 2


def tickets(hashes: Tickets) -> Tickets:
    """The tickets of users with these hashes, uint32[n]."""
    drawn: Tickets = hashes * _SPREAD
    return drawn


def drawn(of: Tickets, users: int, lanes: int) -> NDArray[np.bool_]:
    """Which of a lane's users may be in the sample, bool[n], if it has so many and is one of many.

    Those in the sample are always among them.
    """
    part = _AMPLE * LARGEST / lanes / max(users, 1)
    return of < min(part, 1.0) * 2.0**32


class SampleUpdate(msgspec.Struct, frozen=True, array_like=True):
    """What became of some of a lane's users: what they are now, and who is forgotten.

    Tickets uint32[m], moments int64[m], raw points float64[m, d]; tickets uint32[g].
    """

    tickets: bytes
    at_us: bytes
    points: bytes
    gone: bytes = b""


encode = msgspec.msgpack.Encoder().encode
read = msgspec.msgpack.Decoder(SampleUpdate).decode


class StoredSample(msgspec.Struct, frozen=True):
    """A sample, arrays as bytes."""

    tickets: bytes
    at_us: bytes
    points: bytes


NOBODY: Final = StoredSample(b"", b"", b"")


class UserSample:
    """The `largest` users with the lowest tickets, in their order, and the latest point of each."""

    def __init__(self, space: Space, largest: int = LARGEST) -> None:
        self._space = space
        self._largest = largest
        self._tickets = np.zeros(0, np.uint32)
        self._at_us = np.zeros(0, np.int64)
        self._points = np.zeros((0, len(space)))

    def __len__(self) -> int:
        return len(self._tickets)

    @property
    def tickets(self) -> Tickets:
        """Who is in it, uint32[n], ascending."""
        return self._tickets

    def take(self, update: SampleUpdate) -> Floats:
        """Bring the sample up to date; gives the points of the update, float64[m, d]."""
        own = np.frombuffer(update.tickets, np.uint32)
        at_us = np.frombuffer(update.at_us, np.int64)
        points = usable(floats(update.points, len(own), len(self._space)))
        self._put(own, at_us, points)
        if update.gone:
            gone = np.frombuffer(update.gone, np.uint32)
            self._keep(np.flatnonzero(~np.isin(self._tickets, gone)))
        return points

    def points(self) -> Floats:
        """Everyone as of the newest moment, float64[n, d], NaN for missing.

        What ages, has aged since the user's moment.
        """
        ages_us = self._space.ages_us
        if not len(self) or not ages_us.any():
            return self._points
        passed_us = (self._at_us.max() - self._at_us)[:, np.newaxis]
        aged: Floats = self._points + np.where(ages_us > 0, passed_us / np.maximum(ages_us, 1), 0)
        return aged

    def stored(self) -> StoredSample:
        """Everyone."""
        return StoredSample(self._tickets.tobytes(), self._at_us.tobytes(), to_bytes(self._points))

    def restore(self, stored: StoredSample) -> None:
        """Put back what `stored` gave.

        Raises:
            JobError: the arrays have other dimensions than the space.
        """
        self._tickets = np.frombuffer(stored.tickets, np.uint32)
        self._at_us = np.frombuffer(stored.at_us, np.int64)
        self._points = floats(stored.points, len(self._tickets), len(self._space))

    def _put(self, own: Tickets, at_us: Moments, points: Floats) -> None:
        # As a rule nearly all are known, and a few lines of the arrays change.
        at = np.searchsorted(self._tickets, own)
        known = at < len(self)
        known[known] = self._tickets[at[known]] == own[known]
        self._own()
        self._at_us[at[known]] = at_us[known]
        self._points[at[known]] = points[known]
        if known.all():
            return
        self._tickets = np.concatenate((self._tickets, own[~known]))
        self._at_us = np.concatenate((self._at_us, at_us[~known]))
        self._points = np.concatenate((self._points, points[~known]))
        _, last = np.unique(self._tickets[::-1], return_index=True)
        self._keep((len(self) - 1 - last)[: self._largest])

    def _own(self) -> None:
        """Arrays that came from bytes can't be written to."""
        if not self._points.flags.writeable:
            self._at_us, self._points = self._at_us.copy(), self._points.copy()

    def _keep(self, at: Ints) -> None:
        self._tickets, self._at_us = self._tickets[at], self._at_us[at]
        self._points = self._points[at]
