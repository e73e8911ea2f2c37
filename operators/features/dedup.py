"""Which events come too late, come again, or come after their user was forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask, Moments
from operators.features.arrivals import Arrivals, late
from operators.features.lifetime import Lifetime
from operators.features.tiling import Tiling
from operators.pages.journal import Journal
from operators.pages.sets import last_of_each
from operators.pages.table import set_keys, set_rows

IDS: Final = "event ids"  # the set of (user, id), each with the time of the event that brought it

_UNSEEN: Final = -1


@dataclass(frozen=True)
class Refused:
    """The events of a batch that are not taken, bool[n] each: no event is two of these.

    Those that wait come after a moment at which their user is forgotten, which is to happen
    before anything can be said of them.
    """

    late: Mask
    repeated: Mask
    waiting: Mask

    @property
    def any(self) -> Mask:
        """The events that are one of these, bool[n]."""
        return self.late | self.repeated | self.waiting


class Dedup:
    """Knows which events repeat one of their user's.

    An event does if an event of its user that was taken had its id, and it is not later than
    that one by more than `within_us`; what is late is late, whether or not it repeats. All is
    decided by the events' own times and the order in which a user's arrive, so neither batches
    nor restarts make a difference. With `within_us` None events have no ids, and none repeats;
    with `lifetime` None nobody is ever forgotten.
    """

    def __init__(
        self, within_us: int | None, retained: Tiling, lifetime: Lifetime | None = None
    ) -> None:
        self._within_us = within_us
        self._retained = retained
        self._lifetime = lifetime

    def refused(
        self, journal: Journal, arrivals: Arrivals, before_us: Moments, now_us: int
    ) -> Refused:
        """Look at a batch, and remember the ids of what is taken.

        `before_us` is each user's newest event before the batch, by group; users are forgotten
        until `now_us`.
        """
        repeated = np.zeros(len(arrivals), np.bool_)
        waiting = repeated.copy()
        if self._lifetime is not None:
            waiting = self._lifetime.over_before(arrivals, before_us, now_us)
        too_late = late(arrivals, before_us, self._retained) & ~waiting
        if self._within_us is None or arrivals.ids is None:
            return Refused(too_late, repeated, waiting)
        keys = set_keys(arrivals.rows, arrivals.ids)
        known = arrivals.ids >= 0
        seen_us = np.full(len(arrivals), _UNSEEN)
        seen_us[known] = journal.table.sets[IDS].get(keys[known], _UNSEEN)
        # A repeat must not make others late, so its user's events are looked at one by one.
        users = np.unique(arrivals.group[(seen_us != _UNSEEN) | (known & _shared(keys))])
        for user, before in zip(users.tolist(), before_us[users].tolist(), strict=True):
            at = slice(arrivals.starts[user], arrivals.last[user] + 1)
            known_here = np.where(known[at], keys[at], _UNSEEN)
            fates = self._one_by_one(
                known_here, arrivals.time_us[at], seen_us[at], before, self._within_us, now_us
            )
            too_late[at], repeated[at], waiting[at] = np.array(fates, np.bool_).T
        refused = Refused(too_late, repeated, waiting)
        self._remember(journal, keys, arrivals.time_us, known & ~refused.any)
        return refused

    def _one_by_one(
        self,
        keys: Ints,
        times_us: Ints,
        seen_us: Ints,
        newest_us: int,
        within_us: int,
        now_us: int,
    ) -> list[tuple[bool, bool, bool]]:
        """Whether each event of one user is late, is a repeat, or waits."""
        fates, shown = [], dict[int, int]()
        columns = (keys.tolist(), times_us.tolist(), seen_us.tolist())
        for key, time_us, before_us in zip(*columns, strict=True):
            if self._is_over(newest_us, min(time_us, now_us)):
                break
            newest = max(newest_us, time_us)
            is_late = self._retained.is_past(time_us, newest)
            first_us = shown.get(key, before_us)
            again = first_us != _UNSEEN and time_us <= first_us + within_us
            fates.append((is_late, again and not is_late, False))
            if not is_late and not again:
                newest_us = newest
                if key != _UNSEEN:
                    shown[key] = time_us
        return fates + [(False, False, True)] * (len(keys) - len(fates))

    def _is_over(self, newest_us: int, until_us: int) -> bool:
        """Whether a user whose newest event was then is forgotten by a moment."""
        if self._lifetime is None or newest_us == _UNSEEN:
            return False
        return bool(self._lifetime.over_us(newest_us) <= until_us)

    def _remember(self, journal: Journal, keys: Ints, times_us: Ints, taken: Mask) -> None:
        at = np.flatnonzero(taken)
        if len(at):
            at = at[last_of_each(keys[at])]
            new, new_us = keys[at], times_us[at]
            journal.table.sets[IDS].put(new, new_us)
            journal.note(IDS, new, new_us)

    def prune(self, journal: Journal, newest_us: Ints) -> None:
        """Drop ids that no event can repeat any more; only before the journal is compacted.

        `newest_us` is each user's newest event: whatever would repeat them then, is late.
        """
        keys, shown_us = journal.table.sets[IDS].items()
        if self._within_us is None:  # they may be from before ids were turned off
            over = np.ones(len(keys), np.bool_)
        else:
            oldest_us = newest_us[set_rows(keys)] - self._retained.window_us
            over = shown_us + self._within_us < oldest_us
        journal.drop(IDS, over)


def _shared(keys: Ints) -> Mask:
    """Which keys stand there more than once."""
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shared: Mask = counts[group] > 1
    return shared
