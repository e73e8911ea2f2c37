"""Features over windows of the calendar, and histories of days about the changes of clocks."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.oracle import SECOND, Event
from tests.oracle_features import CALENDAR

HOUR = 3_600 * SECOND
DAY = 24 * HOUR
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"),
    *("Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca"),
)
# Berlin in spring and autumn of 2026, New York, Lord Howe (by half an hour), Apia (by a day), Sao
# Paulo (at midnight); ends of a week, of a month, of a year.
CHANGES = (
    *(1_774_746_000, 1_792_890_000, 1_772_953_200, 1_775_314_800, 1_325_239_200, 1_541_300_400),
    *(1_790_550_000, 1_772_319_600, 1_798_761_600),
)

changes = st.sampled_from(CHANGES).map(lambda seconds: seconds * SECOND)
GOING_ON = tuple(word for word in CALENDAR if word not in ("yesterday", "last_month"))


def features(zone: str) -> dict[str, dict[str, Any]]:
    """One of each kind in each window that it takes."""
    kinds: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("views", {"count": "view"}, CALENDAR),
        ("spend", {"sum": "price"}, CALENDAR),
        ("least", {"min": "price", "of": ["view", "cart"]}, CALENDAR),
        ("mean", {"mean": "price"}, CALENDAR),
        ("depth", {"per_session": "view"}, CALENDAR),
        ("days", {"active_days": "view"}, CALENDAR),
        ("shops", {"distinct": "shop"}, GOING_ON),
        ("favourite", {"most_frequent": "shop"}, GOING_ON),
        ("brands", {"unique_list": "shop", "most": 2}, GOING_ON),
        ("open", {"unmatched": "cart", "by": "purchase", "same": "shop"}, GOING_ON),
        ("middle", {"median": "price"}, GOING_ON),
    ]
    found = {
        f"{name}_{word}": {**spec, "window": word, "zone": zone}
        for name, spec, words in kinds
        for word in words
    }
    found |= {f"visits_{word}": {"sessions": word, "zone": zone} for word in CALENDAR}
    found |= {f"bounces_{word}": {"bounce_rate": word, "zone": zone} for word in CALENDAR}
    rolling = {"active_days": "any", "where": "shop = 'a'", "zone": zone}
    return found | {f"days_{n}d": {**rolling, "window": f"{n}d"} for n in (1, 2, 30)}


steps = st.one_of(
    st.integers(0, 90 * 60).map(lambda seconds: seconds * SECOND),
    st.integers(0, 60).map(lambda hours: hours * HOUR),
    st.sampled_from([DAY, 7 * DAY, 28 * DAY, 31 * DAY, 40 * DAY]),
)


@st.composite
def events(draw: st.DrawFn, most: int = 15, longest: int = 80 * DAY) -> list[Event]:
    """Events of somebody about a change of clocks, in the order of arrival; some come late."""
    now = draw(changes) - draw(st.integers(0, 3 * 24)) * HOUR
    last = now + longest
    found = []
    for _ in range(draw(st.integers(1, most))):
        now = min(now + draw(steps), last)
        back = draw(st.one_of(st.just(0), st.just(0), steps))
        found.append(
            Event(
                user="ann",
                time=now - back,
                type=draw(st.sampled_from(["view", "view", "cart", "purchase"])),
                properties={
                    "price": draw(st.sampled_from([None, 0.0, 2.5, -1.0, 40.0])),
                    "shop": draw(st.sampled_from([None, "a", "b", "c"])),
                },
            )
        )
    return found
