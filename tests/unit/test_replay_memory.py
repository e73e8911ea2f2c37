"""What a replay keeps is bounded by its users, however long their histories are."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from operators.base.arrays import NEVER
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.event_clock import EventClock
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.property.pipeline import LanePair, Pipeline, segments_of

HOUR_US: Final = 3_600_000_000
START_US: Final = 1_700_000_000_000_000
EVENTS: Final = EventsSpec(time_unit="us", session="session", session_gap="30m", id="id")
FEATURES: Final[dict[str, dict[str, Any]]] = {
    "views": {"count": "view", "window": "1d"},
    "products": {"distinct": "product", "window": "1d"},
    "newest": {"unique_list": "product", "window": "1d"},
    "open": {"unmatched": "cart", "by": "purchase", "same": "product", "window": "12h"},
    "heat": {"decayed_count": "view", "half_life": "6h"},
    "since": {"since": "view", "unit": "hours"},
}
SEGMENTS: Final = {
    "Active": {"when": "views > 3", "leave_when": "views = 0", "min_dwell": "2h"},
    "Curious": {"when": "products > 5 OR heat > 2"},
    "Quiet": {"when": "since > 4", "cooldown": "1h"},
}


def test_long_histories_need_no_more_than_short_ones() -> None:
    """Every event has an id, a product and a session that no other one ever had."""
    run, decoder = replay()
    lane = run._lane(0)
    kept = []
    for number in range(8):
        events = [event(at) for at in range(number * 200, (number + 1) * 200)]
        batch = decoder.decode((), events, 2**62).events
        for arrived in lane.profiles.lives(batch, NEVER):
            run._judge(lane, EventClock(60_000_000).steps(lane.profiles, arrived))
        kept.append(counts(lane))
    assert len(run.transitions) > 20
    # After the longest window, and what may repeat an event within it, nothing grows.
    assert all(now <= then * 1.1 for now, then in zip(kept[7], kept[3], strict=True)), kept


def replay() -> tuple[Pipeline, EventDecoder]:
    specs = {name: msgspec.convert(spec, FeatureSpec) for name, spec in FEATURES.items()}
    catalog = Catalog.compile(specs, EVENTS.session_gap_us)
    run = Pipeline(catalog, segments_of(SEGMENTS, 1), 1, 60_000_000, True)
    lane = run._lane(0)
    lane.profiles = Profiles(catalog, EVENTS.dedup_within_us, None, run._watched())
    decoder = EventDecoder(EVENTS, catalog.event_types, catalog.numbers, catalog.texts, keyed=False)
    return run, decoder


def event(number: int) -> bytes:
    """Of one of three users, one each half hour."""
    return msgspec.json.encode(
        {
            "user_id": f"user {number % 3}",
            "event_time": START_US + number * HOUR_US // 2,
            "event_type": ("view", "view", "cart", "view", "purchase")[number % 5],
            "session": f"session {number}",
            "id": f"event {number}",
            "product": f"product {number}",
        }
    )


def counts(lane: LanePair) -> list[int]:
    """Bytes and entries that Profile and Assign keep once their journals are compacted."""
    lane.profiles.prune()
    found = []
    for journal in (lane.profiles.journal, lane.judged.members.journal):
        images = journal.compact().pages.values()
        found.append(sum(map(len, images)))
        found.append(journal.table.words.nbytes)
        found += [len(entries.items()[0]) for entries in journal.table.sets.values()]
    return found
