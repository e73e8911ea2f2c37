"""The rich workload: 40 features of all kinds, and 30 segments, many of which time alone changes.

It has no cluster model: what is judged by one depends on how fast lanes are read.
"""

from __future__ import annotations

from typing import Any, Final

from tests.benchmarks.workloads.workload import (
    EVENTS,
    OLD_HAND,
    OLD_HANDS,
    SPEND,
    SPENDER,
    SPENDERS,
    Workload,
)

_COUNTS: Final = {
    "product_views": {"count": "view", "window": "session"},
    "views_1h": {"count": "view", "window": "1h"},
    "views_7d": {"count": "view", "window": "7d"},
    "carts_1h": {"count": "cart", "window": "1h"},
    "purchases_30d": {"count": "purchase", "window": "30d"},
    "events_24h": {"count": "any", "window": "24h"},
    "dear_views_24h": {"count": "view", "window": "24h", "where": "price > 300"},
    "events": EVENTS,
}
_SUMS: Final = {
    "spend_24h": {"sum": "price", "of": "purchase", "window": "24h"},
    "spend_30d": SPEND,
    "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    "basket": {"mean": "price", "of": "purchase", "window": "30d"},
    "cheapest_7d": {"min": "price", "of": "view", "window": "7d"},
    "dearest_7d": {"max": "price", "of": "view", "window": "7d"},
    "usual_price": {"median": "price", "of": "view", "window": "7d"},
    "high_price": {"percentile": "price", "at": 90, "of": "view", "window": "7d"},
}
_VALUES: Final = {
    "categories_24h": {"distinct": "category", "window": "24h"},
    "categories_7d": {"distinct": "category", "window": "7d"},
    "favourite": {"most_frequent": "category", "window": "7d"},
    "lately": {"unique_list": "category", "of": "view", "window": "7d", "most": 5},
    "left_in_cart": {"unmatched": "cart", "by": "purchase", "same": "product_id", "window": "24h"},
    "last_price": {"last": "price", "type": "number"},
    "device": {"last": "device", "one_hot": ["mobile", "desktop", "tablet"]},
    "came_by": {"first": "referrer", "default": "none"},
}
_MOVING: Final = {
    "interest": {"decayed_count": "view", "half_life": "1d"},
    "heat": {"decayed_count": "any", "half_life": "6h"},
    "worth": {"decayed_sum": "price", "of": "purchase", "half_life": "7d"},
    "surge": {"rate": "view", "window": "1h", "baseline": "7d"},
}
_SESSIONS: Final = {
    "session_minutes": {"duration": "session"},
    "visits_30d": {"sessions": "30d"},
    "views_a_visit": {"per_session": "view", "window": "30d"},
    "bounces": {"bounce_rate": "30d"},
    "away_days": {"returned_after": "session", "unit": "days"},
}
_MOMENTS: Final = {
    "since_event": {"since": "any"},
    "since_purchase": {"since": "purchase"},
    "known_days": {"since_first": "any", "unit": "days"},
    "device_days": {"since_change": "device", "unit": "days"},
    "hour": {"hour": "any", "zone": "Europe/Berlin"},
    "step": {"funnel": ["view", "cart", "purchase"], "within": "30m"},
    "step_minutes": {"funnel_time": ["view", "cart", "purchase"], "within": "30m"},
}
FEATURES: Final[dict[str, Any]] = _COUNTS | _SUMS | _VALUES | _MOVING | _SESSIONS | _MOMENTS

_WHENS: Final = {
    "Engaged": "session_minutes > 5 AND product_views > 3",
    "Busy Hour": "views_1h >= 10",
    "Busy Week": "views_7d >= 60",
    "Loyal": "purchases_30d >= 3",
    "Dear Taste": "dear_views_24h >= 5",
    "Spent Today": "spend_24h > 200",
    "Large Baskets": "basket > 150 AND purchases_30d >= 2",
    "Wide Range": "dearest_7d > 20 * cheapest_7d",
    "High End": "usual_price > 200",
    "Higher Still": "high_price > 500",
    "Explorers Today": "categories_24h >= 4",
    "Explorers": "categories_7d > 5",
    "Readers": "favourite = 'books'",
    "Shoes of Late": "contains(lately, 'shoes')",
    "Forgotten Carts": "left_in_cart >= 1 AND since_event > 60",
    "By Mail, Mobile": "came_by = 'email' AND device = 'mobile'",
    "Interested": "interest > 10",
    "Hot": "heat >= 8 AND carts_1h >= 1",
    "Worthy": "worth BETWEEN 100 AND 1000",
    "Surging": "surge > 3",
    "Long Visits": "views_a_visit > 8",
    "Bouncing": "bounces > 0.5 AND visits_30d >= 3",
    "Returned": "away_days > 2",
    "Recent Buyers": "since_purchase < 30",
    "Quieter Than Usual": "since_event > known_days * 12 AND known_days > 2",
    "Cooling": "since_event > 720 AND since_event < 2880 AND spend > 0",
    "New": "known_days < 1",
    "Lately Changed Device": "device_days < 1 AND known_days > 2",
    "Nearly There": "step = 2 AND step_minutes < 10 AND hour BETWEEN 18 AND 23",
}
_CALM: Final[dict[str, dict[str, Any]]] = {
    "Busy Hour": {"leave_when": "views_1h < 5"},
    "Hot": {"leave_when": "heat < 4", "min_dwell": "5m"},
    "Surging": {"cooldown": "1h"},
}
SEGMENTS: Final[dict[str, Any]] = {
    SPENDERS: SPENDER,
    OLD_HANDS: OLD_HAND,
    **{name: {"when": when, **_CALM.get(name, {})} for name, when in _WHENS.items()},
}
RICH: Final = Workload("rich", FEATURES, SEGMENTS)
