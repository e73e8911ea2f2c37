"""When each event of a session happens."""

from __future__ import annotations

from typing import Final

import numpy as np

from flink_job.demo.journeys import Journeys
from flink_job.demo.sessions import Sessions
from flink_job.demo.shoppers import Shoppers
from operators.base.arrays import Floats, Ints

# More than the 30 minutes without an event after which tools commonly begin a new session.
_BETWEEN_SESSIONS_MS: Final = 31 * 60_000
_SHORTEST_DWELL_S: Final = 0.25
_LONGEST_DWELL_S: Final = 25 * 60.0


def draw_times_ms(
    shoppers: Shoppers, sessions: Sessions, journeys: Journeys, rng: np.random.Generator
) -> Ints:
    """The time of each event, int64[n], in milliseconds since 1970.

    Gaps within a session are at most 25 minutes. A session that would begin less than 31 minutes
    after the one before is put off, so sessions by id and by a gap of 30 minutes are the same.
    """
    dwell_ms = _draw_dwells_ms(shoppers, sessions.shopper[journeys.session], rng)
    first = np.searchsorted(journeys.session, np.arange(len(sessions)))
    dwell_ms[first] = 0
    elapsed_ms = dwell_ms.cumsum()
    elapsed_ms -= elapsed_ms[first][journeys.session]
    last = np.append(first[1:], len(journeys)) - 1
    start_ms = apart(sessions.shopper, sessions.start_ms, elapsed_ms[last] + _BETWEEN_SESSIONS_MS)
    time_ms: Ints = start_ms[journeys.session] + elapsed_ms
    return time_ms


def _draw_dwells_ms(shoppers: Shoppers, shopper: Ints, rng: np.random.Generator) -> Ints:
    noise = shoppers.rates["dwell_spread"][shopper] * rng.standard_normal(len(shopper))
    dwell_s = shoppers.rates["dwell_s"][shopper] * np.exp(noise)
    dwell_ms: Floats = 1_000 * np.clip(dwell_s, _SHORTEST_DWELL_S, _LONGEST_DWELL_S)
    return np.rint(dwell_ms).astype(np.int64)


def apart(owner: Ints, start: Ints, length: Ints) -> Ints:
    """Starts moved later where needed, so that no two spans of an owner overlap: int64[n].

    Spans come in the order of owners (0 and up), then of starts. A moved start is
    max(start, end of the span before), for all spans at once: with `before`, the lengths of the
    owner's earlier spans, it is before + the running maximum of (start - before).
    """
    before = length.cumsum() - length
    first = np.searchsorted(owner, owner)
    before -= before[first]
    slack = start - before
    # Lifting each owner above the one before keeps the running maximum within the owner.
    lift = owner * (slack.max(initial=0) - slack.min(initial=0) + 1)
    moved: Ints = np.maximum.accumulate(slack + lift) - lift + before
    return moved
