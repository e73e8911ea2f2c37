"""When events were: the oldest, the newest, and those that lie far ahead of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Moments
from operators.base.durations import US_PER_UNIT

_BUCKET_US: Final = US_PER_UNIT["h"]
_SHORTEST_GAP_US: Final = US_PER_UNIT["d"]
_FEW: Final = 0.05  # the share of events that may be called far ahead; at each end of the middle


@dataclass(frozen=True)
class FarAhead:
    """So many `events` that lie behind a gap, the newest at `newest_us`; the rest ends before."""

    events: int
    newest_us: int
    rest_us: int


@dataclass
class _Bucket:
    events: int
    oldest_us: int
    newest_us: int


class Timeline:
    """The times of events, counted by the hour, so that it stays small."""

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}

    def add(self, time_us: Moments) -> None:
        """Count events, int64[n], microseconds since 1970."""
        if not len(time_us):
            return
        hours = time_us // _BUCKET_US
        order = np.argsort(hours, kind="stable")
        found, starts, counts = np.unique(hours[order], return_index=True, return_counts=True)
        ordered = time_us[order]
        oldest = np.minimum.reduceat(ordered, starts)
        newest = np.maximum.reduceat(ordered, starts)
        each = zip(found.tolist(), counts.tolist(), oldest.tolist(), newest.tolist(), strict=True)
        for hour, events, first_us, last_us in each:
            bucket = self._buckets.setdefault(hour, _Bucket(0, first_us, last_us))
            bucket.events += events
            bucket.oldest_us = min(bucket.oldest_us, first_us)
            bucket.newest_us = max(bucket.newest_us, last_us)

    @property
    def oldest_us(self) -> int | None:
        """The oldest event, None if there is none."""
        return min((each.oldest_us for each in self._buckets.values()), default=None)

    @property
    def newest_us(self) -> int | None:
        """The newest event, None if there is none."""
        return max((each.newest_us for each in self._buckets.values()), default=None)

    def far_ahead(self) -> FarAhead | None:
        """Events that lie far ahead of all others, if there are some.

        They are at most one in 20, and the gap before them is longer than a day and than the time
        in which the middle nine tenths of all events lie.
        """
        buckets = [self._buckets[hour] for hour in sorted(self._buckets)]
        total = sum(each.events for each in buckets)
        least_us = max(_SHORTEST_GAP_US, _middle_us(buckets, total))
        behind, found = 0, None
        for before, after in zip(buckets[-2::-1], buckets[:0:-1], strict=True):
            behind += after.events
            if behind > total * _FEW:
                break
            if after.oldest_us - before.newest_us > least_us:
                found = FarAhead(behind, buckets[-1].newest_us, before.newest_us)
        return found


def _middle_us(buckets: list[_Bucket], total: int) -> int:
    """The length of time in which the middle nine tenths of events lie."""
    if not buckets:
        return 0
    ends = np.cumsum([each.events for each in buckets])
    first = buckets[int(np.searchsorted(ends, total * _FEW, side="right"))]
    last = buckets[int(np.searchsorted(ends, total * (1 - _FEW)))]
    return last.newest_us - first.oldest_us
