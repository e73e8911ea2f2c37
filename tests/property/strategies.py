"""What hypothesis draws for profiles: features, events of a few users, and how they arrive."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.oracle import SECOND, Event

START = 1_790_000_000 * SECOND
GAP = 600 * SECOND

FEATURES: dict[str, dict[str, Any]] = {
    "views_session": {"count": "view", "window": "session"},
    "views_10m": {"count": "view", "window": "10m", "tile": "1m"},
    "acts_1h": {"count": "any", "window": "1h", "tile": "5m"},
    "carts": {"count": ["cart", "purchase"], "window": "lifetime"},
    "spend_session": {"sum": "price", "window": "session"},
    "spend_1h": {"sum": "price", "of": "purchase", "window": "1h", "tile": "10m"},
    "spend": {"sum": "price", "window": "lifetime"},
    "mean_1h": {"mean": "price", "window": "1h", "tile": "10m"},
    "mean_session": {"mean": "price", "of": "view", "window": "session"},
    "mean": {"mean": "price", "window": "lifetime"},
    "least_1h": {"min": "price", "window": "1h", "tile": "10m"},
    "least_session": {"min": "price", "window": "session"},
    "greatest_1h": {"max": "price", "of": ["view", "cart"], "window": "1h", "tile": "10m"},
    "greatest": {"max": "price", "window": "lifetime"},
    "median": {"median": "price", "where": "shop <> 'c'", "window": "lifetime"},
    "median_1h": {"median": "price", "of": "view", "window": "1h", "tile": "10m"},
    "dear_90": {"percentile": "price", "at": 90, "window": "lifetime"},
    "shops_1h": {"distinct": "shop", "window": "1h", "tile": "5m"},
    "shops_session": {"distinct": "shop", "of": "view", "window": "session"},
    "shops": {"distinct": "shop", "window": "lifetime"},
    "dear_views": {"count": "view", "where": "price > 500 OR shop = 'a'", "window": "lifetime"},
    "dear_1h": {
        **{"sum": "price", "of": "purchase", "window": "1h", "tile": "10m"},
        "where": "price BETWEEN 10 AND 900 AND NOT shop IN ('b', 'c')",
    },
    "shops_dear": {"distinct": "shop", "where": "price >= 100", "window": "session"},
    "since_a": {"since": "view", "where": "shop = 'a'"},
    "like_views": {
        **{"count": "view", "window": "lifetime"},
        "where": "shop LIKE '_' AND CASE WHEN price > 500 THEN 'c' ELSE UPPER(shop) END <> 'A'",
    },
    "last_dear": {"last": "shop", "where": "price IS NOT NULL AND price > 3"},
    "bought_30m": {"funnel": ["view", "cart", "purchase"], "within": "30m"},
    "twice_10m": {"funnel": ["view", "view", "any"], "within": "10m"},
    "first_shop": {"first": "shop", "of": ["view", "cart"]},
    "first_price": {"first": "price", "where": "shop <> 'a'", "type": "number"},
    "since_first_cart": {"since_first": "cart", "unit": "hours"},
    "since_any": {"since": "any"},
    "since_cart": {"since": "cart", "unit": "seconds"},
    "since_shop": {"since": ["view", "cart"], "has": "shop", "where": "price > 3"},
    "since_price": {"since_first": "any", "has": "price", "type": "number", "unit": "hours"},
    "since_moved": {"since_change": "shop"},
    "since_dear": {"since_change": "price", "of": "view", "type": "number", "where": "price > 3"},
    "device": {"last": "shop"},
    "price": {"last": "price", "of": ["view", "cart"], "type": "number"},
    "minutes": {"duration": "session"},
    "visits_1h": {"sessions": "1h", "tile": "5m"},
    "visits": {"sessions": "lifetime"},
    "view_hour": {"hour": "view", "zone": "Asia/Kolkata"},
    "any_hour": {"hour": "any", "where": "price > 100"},
    "cart_day": {"weekday": ["cart", "purchase"], "zone": "Pacific/Auckland"},
    "plan": {"last": "shop", "of": "search", "default": "none"},
    "first_paid": {"first": "price", "of": "purchase", "type": "number", "default": 9.5},
    "heat": {"decayed_count": "view", "half_life": "10m"},
    "value": {"decayed_sum": "price", "of": ["view", "cart"], "half_life": "1h"},
    "value_a": {"decayed_sum": "price", "where": "shop = 'a'", "half_life": "10m"},
    "eagerness": {"rate": "view", "window": "10m", "baseline": "2h"},
    "eagerness_b": {"rate": "any", "where": "shop = 'b'", "window": "1h", "baseline": "2h"},
    "favourite": {"most_frequent": "shop", "window": "lifetime"},
    "favourite_1h": {"most_frequent": "shop", "of": "view", "window": "1h", "tile": "10m"},
    "favourite_session": {"most_frequent": "shop", "where": "price > 3", "window": "session"},
    "shops_list": {"unique_list": "shop", "window": "lifetime"},
    "shops_list_1h": {
        **{"unique_list": "shop", "of": ["view", "cart"], "window": "1h", "tile": "10m"},
        "most": 2,
    },
    "shops_list_session": {
        **{"unique_list": "shop", "where": "price > 3", "window": "session"},
        "most": 2,
    },
    "open_1h": {
        "unmatched": "cart",
        "by": "purchase",
        "same": "shop",
        "window": "1h",
        "tile": "5m",
    },
    "open": {
        **{"unmatched": ["view", "cart"], "by": ["purchase", "search"], "same": "shop"},
        **{"where": "price > 3", "window": "lifetime"},
    },
    "way_time": {"funnel_time": ["view", "cart", "purchase"], "within": "30m"},
    "twice_time": {"funnel_time": ["view", "view", "any"], "within": "10m", "unit": "seconds"},
    "away": {"returned_after": "session", "unit": "hours"},
    "depth": {"per_session": "view", "window": "lifetime"},
    "bounces": {"bounce_rate": "lifetime"},
    "bounces_1h": {"bounce_rate": "1h", "tile": "5m"},
    "depth_1h": {"per_session": "any", "where": "price > 3", "window": "1h", "tile": "5m"},
    "views_10m_exact": {"count": "view", "window": "10m", "tile": "1m", "exact": True},
    "spend_1h_exact": {"sum": "price", "window": "1h", "tile": "10m", "exact": True},
    "mean_1h_exact": {
        **{"mean": "price", "of": "view", "where": "shop = 'a'"},
        **{"window": "1h", "tile": "10m", "exact": True},
    },
    "least_1h_exact": {"min": "price", "window": "1h", "tile": "10m", "exact": True},
    "greatest_10m_exact": {"max": "price", "window": "10m", "tile": "1m", "exact": True},
    "median_1h_exact": {"median": "price", "window": "1h", "tile": "10m", "exact": True},
    "shops_list_10m_exact": {
        **{"unique_list": "shop", "window": "10m", "tile": "1m", "exact": True},
        "most": 2,
    },
    # It is Monday, and soon Tuesday in Tokyo.
    "views_today": {"count": "view", "window": "today", "zone": "Asia/Tokyo"},
    "spend_yesterday": {"sum": "price", "window": "yesterday", "zone": "Asia/Tokyo"},
    "mean_today": {"mean": "price", "of": "view", "window": "today", "zone": "Asia/Kolkata"},
    "least_week": {"min": "price", "window": "this_week"},
    "greatest_today": {"max": "price", "window": "today", "zone": "Asia/Tokyo"},
    "median_today": {"median": "price", "window": "today", "zone": "Asia/Tokyo"},
    "shops_today": {"distinct": "shop", "window": "today", "zone": "Asia/Tokyo"},
    "favourite_today": {"most_frequent": "shop", "window": "today", "zone": "Asia/Tokyo"},
    "shops_list_today": {"unique_list": "shop", "window": "today", "zone": "Asia/Tokyo"},
    "open_today": {
        **{"unmatched": "cart", "by": "purchase", "same": "shop"},
        **{"window": "today", "zone": "Asia/Tokyo"},
    },
    "visits_today": {"sessions": "today", "zone": "Asia/Tokyo"},
    "depth_yesterday": {"per_session": "view", "window": "yesterday", "zone": "Asia/Tokyo"},
    "bounces_today": {"bounce_rate": "today", "zone": "Asia/Tokyo"},
    "days_2d": {"active_days": "view", "window": "2d", "zone": "Asia/Tokyo"},
    "days_yesterday": {"active_days": "any", "window": "yesterday", "zone": "Asia/Tokyo"},
}
# Computed another way than the oracle does, which shows in the last digits.
ROUNDED = {
    name for name, spec in FEATURES.items() if not {*spec}.isdisjoint(("half_life", "rate", "at"))
}
# Of a window of the calendar, two days more than it has at most.
_DAYS = {
    "views_today": 3,
    "spend_yesterday": 4,
    "mean_today": 3,
    "least_week": 9,
    "greatest_today": 3,
    "median_today": 3,
    "shops_today": 3,
    "favourite_today": 3,
    "shops_list_today": 3,
    "open_today": 3,
    "visits_today": 3,
    "depth_yesterday": 4,
    "bounces_today": 3,
    "days_2d": 4,
    "days_yesterday": 4,
}
# With the part of a tile by which others are short.
_EXACT = {
    **dict.fromkeys(("views_10m_exact", "greatest_10m_exact", "shops_list_10m_exact"), (660, 60)),
    **dict.fromkeys(("spend_1h_exact", "mean_1h_exact", "least_1h_exact"), (4200, 600)),
    "median_1h_exact": (4200, 600),
}
TILES = {
    **{name: tile * SECOND for name, (_, tile) in _EXACT.items()},
    **dict.fromkeys(_DAYS, 86_400 * SECOND),
    "views_10m": 60 * SECOND,
    "acts_1h": 300 * SECOND,
    "spend_1h": 600 * SECOND,
    "dear_1h": 600 * SECOND,
    "mean_1h": 600 * SECOND,
    "least_1h": 600 * SECOND,
    "greatest_1h": 600 * SECOND,
    "median_1h": 600 * SECOND,
    "shops_1h": 300 * SECOND,
    "visits_1h": 300 * SECOND,
    "favourite_1h": 600 * SECOND,
    "shops_list_1h": 600 * SECOND,
    "open_1h": 300 * SECOND,
    "depth_1h": 300 * SECOND,
    "bounces_1h": 300 * SECOND,
    "eagerness": 600 * SECOND,  # of the baseline, the longer of the two
    "eagerness.window": 30 * SECOND,
    "eagerness_b": 600 * SECOND,
    "eagerness_b.window": 300 * SECOND,
}
WINDOWS = {
    **{name: window * SECOND for name, (window, _) in _EXACT.items()},
    **{name: days * 86_400 * SECOND for name, days in _DAYS.items()},
    "views_10m": 600 * SECOND,
    "acts_1h": 3600 * SECOND,
    "spend_1h": 3600 * SECOND,
    "dear_1h": 3600 * SECOND,
    "mean_1h": 3600 * SECOND,
    "least_1h": 3600 * SECOND,
    "greatest_1h": 3600 * SECOND,
    "median_1h": 3600 * SECOND,
    "shops_1h": 3600 * SECOND,
    "visits_1h": 3600 * SECOND,
    "favourite_1h": 3600 * SECOND,
    "shops_list_1h": 3600 * SECOND,
    "open_1h": 3600 * SECOND,
    "depth_1h": 3600 * SECOND,
    "bounces_1h": 3600 * SECOND,
    "eagerness": 7200 * SECOND,
    "eagerness_b": 7200 * SECOND,
}


def retained(names: list[str], ids: bool = False) -> tuple[int, int]:
    """Tile length and number of tiles of the longest window among the features, as documented.

    A lifetime is longer than any, and so is no window at all, but where events have ids.
    """
    windowed = [name for name in names if name in TILES]
    if not ids and (not windowed or any("lifetime" in FEATURES[name].values() for name in names)):
        return 3600 * SECOND, 24 * 365 * 1_000
    if not windowed:
        return 3600 * SECOND, 24
    longest = max(windowed, key=lambda name: WINDOWS[name])
    return TILES[longest], WINDOWS[longest] // TILES[longest]


features = st.lists(st.sampled_from(sorted(FEATURES)), min_size=1, max_size=8, unique=True)

# Multiples of a quarter, so that sums are exact in whatever order they are added.
prices = st.one_of(st.none(), st.integers(-40, 4000).map(lambda quarters: quarters / 4))

steps = st.one_of(
    st.integers(0, 90),
    st.integers(0, 1500),
    st.sampled_from([GAP // SECOND, GAP // SECOND + 1, 60, 300, 3600, 4000]),
).map(lambda seconds: seconds * SECOND)


@st.composite
def events(
    draw: st.DrawFn,
    in_order: bool = False,
    most: int = 40,
    users: tuple[str, ...] = ("ann", "bob", "cay"),
) -> list[Event]:
    """Events of some users, in arrival order; unless `in_order` some come late."""
    drawn = []
    now = START + draw(st.integers(0, 3600)) * SECOND
    for _ in range(draw(st.integers(1, most))):
        now += draw(steps)
        back = 0 if in_order else draw(st.one_of(st.just(0), steps, st.just(100_000 * SECOND)))
        properties = {"price": draw(prices), "shop": draw(st.sampled_from([None, "a", "b", "c"]))}
        event = Event(
            user=draw(st.sampled_from(users)),
            time=now - back + draw(st.sampled_from([0, 0, 1, 999_999])),
            type=draw(st.sampled_from(["view", "view", "cart", "purchase", "search"])),
            session=draw(st.sampled_from([None, "s1", "s2", "s3"])),
            properties=properties,
        )
        drawn.append(event)
    return sorted(drawn, key=lambda event: event.time) if in_order else drawn


def cuts(draw: st.DrawFn, count: int) -> list[slice]:
    """Arbitrary batch boundaries over `count` events."""
    inner = draw(st.lists(st.integers(0, count), max_size=6))
    edges = sorted({0, count, *inner})
    return [slice(start, end) for start, end in pairwise(edges)]
