"""Every kind of feature, in the order in which messages name them: a new one gets its line here."""

from __future__ import annotations

from typing import Final

from operators.features.kinds import (
    active_days,
    counts,
    decayed,
    distinct,
    first_last,
    funnels,
    local_time,
    most_frequent,
    of_sessions,
    percentiles,
    rate,
    since,
    sums,
    unique_list,
    unmatched,
)

_IN_ORDER: Final = (
    *counts.KINDS,
    *sums.KINDS,
    *percentiles.KINDS,
    *first_last.KINDS,
    *since.KINDS,
    *local_time.KINDS,
    *distinct.KINDS,
    *most_frequent.KINDS,
    *unique_list.KINDS,
    *decayed.KINDS,
    *rate.KINDS,
    *unmatched.KINDS,
    *funnels.KINDS,
    *of_sessions.KINDS,
    *active_days.KINDS,
)
FEATURE_KINDS: Final = {kind.name: kind for kind in _IN_ORDER}
# What kinds take, by name; of those that differ in what they allow, the first.
OPTIONS: Final = {
    option.name: option for kind in reversed(_IN_ORDER) for option in reversed(kind.takes)
}
