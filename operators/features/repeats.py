"""Events that come again: each user's ids of late, and what to drop by them."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.events.batch import Mask
from operators.features.arrivals import Arrivals
from operators.features.tiling import Tiling
from operators.pages.journal import Journal
from operators.pages.sets import Ints
from operators.pages.table import set_keys, set_rows

IDS: Final = "event ids"  # the set of (user, id), each with the time of the event that brought it

_UNSEEN: Final = -1


class Repeats:
    """Knows which events repeat one of their user's.

    An event does if its user has shown its id before, and it is not later than that event by
    more than `within_us`. All is decided by the events' own times and the order in which a user's
    arrive, so neither batches nor restarts make a difference.
    """

    def __init__(self, within_us: int) -> None:
        self._within_us = within_us

    def among(self, journal: Journal, arrivals: Arrivals) -> Mask:
        """Which of these events do, bool[n]; the ids of the others are remembered."""
        repeats = np.zeros(len(arrivals), np.bool_)
        if arrivals.ids is None:
            return repeats
        at = np.flatnonzero(arrivals.ids >= 0)
        keys = set_keys(arrivals.rows[at], arrivals.ids[at])
        times_us = arrivals.time_us[at]
        seen_us = journal.table.sets[IDS].get(keys, _UNSEEN)
        _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
        doubtful = (seen_us != _UNSEEN) | (counts[group] > 1)
        again, shown = self._one_by_one(keys[doubtful], times_us[doubtful], seen_us[doubtful])
        repeats[at[doubtful]] = again
        new = np.concatenate([keys[~doubtful], np.array(list(shown), np.int64)])
        new_us = np.concatenate([times_us[~doubtful], np.array(list(shown.values()), np.int64)])
        journal.table.sets[IDS].put(new, new_us)
        journal.note(IDS, new, new_us)
        return repeats

    def _one_by_one(
        self, keys: Ints, times_us: Ints, seen_us: Ints
    ) -> tuple[list[bool], dict[int, int]]:
        """Whether each is a repeat, and the times of those that are none by their keys."""
        again, shown = [], dict[int, int]()
        for key, time_us, before_us in zip(
            keys.tolist(), times_us.tolist(), seen_us.tolist(), strict=True
        ):
            first_us = shown.get(key, before_us)
            repeated = first_us != _UNSEEN and time_us <= first_us + self._within_us
            again.append(repeated)
            if not repeated:
                shown[key] = time_us
        return again, shown

    def prune(self, journal: Journal, newest_us: Ints, retained: Tiling) -> None:
        """Drop ids that no event can repeat any more; only before the journal is compacted.

        `newest_us` is each user's newest event: what is older than `retained` by it comes late.
        """
        keys, shown_us = journal.table.sets[IDS].items()
        oldest_us = newest_us[set_rows(keys)] - retained.window_us
        over = shown_us + self._within_us < oldest_us
        if np.any(over):
            journal.drop(IDS, over)
