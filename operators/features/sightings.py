"""What of the events that are asked for has come to a lane, and when last by the wall clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Ints, Mask
from operators.features.arrivals import Arrivals
from operators.features.asked import Expected

LOOK_US: Final = 10_000_000  # what has come is looked for again after so long
WRITE_US: Final = 60_000_000  # and what is kept of it is so old at most
TELL_US: Final = 3_600_000_000  # what has come again is told so late at most, what is new, soon


class LastSeen(msgspec.Struct, frozen=True):
    """What is kept of a lane, by what is asked for: when it came last, -1 for never, and since
    when it is asked for."""

    seen_us: dict[str, int] = {}
    since_us: dict[str, int] = {}


class Spotter:
    """Finds what is asked for in batches of events.

    Args:
        expected: all of it.
        types: the event types that are known, in the order of their codes.
    """

    def __init__(self, expected: Sequence[Expected], types: Sequence[str]) -> None:
        self.expected = expected
        self._codes = {name: code for code, name in enumerate(types)}
        self._wanted = [self._types(each) for each in expected]

    def there(self, arrivals: Arrivals, at: Ints) -> Ints:
        """Those of what is asked for, by its positions, that are among some events."""
        if not len(arrivals):
            return at[:0]
        counts = np.bincount(arrivals.type, minlength=len(self._codes) + 1)
        having: dict[str, Mask] = {}
        found = [each for each in at.tolist() if self._is_there(each, arrivals, counts, having)]
        return np.array(found, np.int64)

    def _is_there(self, at: int, arrivals: Arrivals, counts: Ints, having: dict[str, Mask]) -> bool:
        field, wanted = self.expected[at].field, self._wanted[at]
        if not counts[wanted].any():
            return False
        if field is None:
            return True
        if field not in having:
            having[field] = _having(arrivals, field, self.expected[at].where)
        return bool((having[field] & wanted[arrivals.type]).any())

    def _types(self, each: Expected) -> Mask:
        """Which types count, by their codes, bool[known + 1]."""
        wanted = np.full(len(self._codes) + 1, each.type is None and each.of is None)
        for name in (each.of or ()) if each.type is None else (each.type,):
            wanted[self._codes[name]] = True
        return wanted


def _having(arrivals: Arrivals, field: str, where: str) -> Mask:
    """Which events have a field, bool[n]."""
    codes = {"events.session": arrivals.session, "events.id": arrivals.ids}.get(where)
    codes = arrivals.texts.get(field) if codes is None else codes
    having: Mask = ~np.isnan(arrivals.numbers[field]) if codes is None else codes >= 0
    return having


class Sightings:
    """When each of what is asked for came to a lane last: `seen_us` int64[n], -1 for never.

    `since_us` is when the lane asked for it first. What has come is looked for again only after
    `LOOK_US`, so that a stream in which all is as it should be costs next to nothing.

    Args:
        spotter: finds it.
        kept: what the lane's state has.
        now_us: the wall clock.
    """

    def __init__(self, spotter: Spotter, kept: LastSeen, now_us: int) -> None:
        self._spotter = spotter
        names = [f"{'type' if each.field is None else 'field'} {each}" for each in spotter.expected]
        self._names = names
        self.seen_us: Ints = np.array([kept.seen_us.get(name, -1) for name in names], np.int64)
        self.since_us = [kept.since_us.get(name, now_us) for name in names]
        self._written_us, self._told_us = now_us, 0
        self._news = True  # since it was told
        self._changed = kept.since_us.keys() != set(names)  # since it was written

    def see(self, arrivals: Arrivals, now_us: int) -> Ints:
        """Look at events that have come; gives the positions of what has been found."""
        found = self._spotter.there(arrivals, np.flatnonzero(self.seen_us < now_us - LOOK_US))
        if len(found):
            first = bool((self.seen_us[found] < 0).any())
            self._news |= first
            self._changed |= first or now_us - self._written_us > WRITE_US
            self.seen_us[found] = now_us
        return found

    def to_write(self, now_us: int) -> LastSeen | None:
        """What is to be kept, if it is time to."""
        if not self._changed:
            return None
        self._changed, self._written_us = False, now_us
        return LastSeen(
            dict(zip(self._names, self.seen_us.tolist(), strict=True)),
            dict(zip(self._names, self.since_us, strict=True)),
        )

    def to_tell(self, now_us: int) -> bool:
        """Whether it is time to tell; then it counts as told."""
        due_us = self._told_us + (LOOK_US if self._news else TELL_US)
        if now_us < due_us:
            return False
        self._told_us, self._news = now_us, False
        return True
