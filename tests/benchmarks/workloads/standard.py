"""The standard workload: what a shop may begin with."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.workloads.workload import SPEND, SPENDER, SPENDERS, Workload

FEATURES: Final = {
    "product_views": {"count": "view", "window": "session"},
    "session_minutes": {"duration": "session"},
    "views_1h": {"count": "view", "window": "1h"},
    "carts_1h": {"count": "cart", "window": "1h"},
    "events_24h": {"count": "any", "window": "24h"},
    "spend_30d": SPEND,
    "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    "categories_7d": {"distinct": "category", "window": "7d"},
    "visits_30d": {"sessions": "30d"},
    "since_purchase": {"since": "purchase"},
    "last_price": {"last": "price", "type": "number"},
    "device": {"last": "device", "one_hot": ["mobile", "desktop", "tablet"]},
}
SEGMENTS: Final = {
    "Engaged Buyers": {"when": "session_minutes > 5 AND product_views > 3"},
    "High-Intent Buyers": {
        "when": "product_views >= 3 AND carts_1h >= 1",
        "leave_when": "carts_1h = 0",
        "min_dwell": "5m",
    },
    SPENDERS: SPENDER,
    "Recent Buyers": {"when": "since_purchase < 30"},
    "Browsers": {"when": "events_24h > 30 AND spend = 0"},
    "Mobile Explorers": {"when": "device = 'mobile' AND categories_7d > 4"},
}
CLUSTERS: Final = {
    "shoppers": {
        "k": 5,
        "features": ["views_1h", "carts_1h", "spend_30d", "categories_7d", "since_purchase"],
    }
}
STANDARD: Final = Workload("standard", FEATURES, SEGMENTS, CLUSTERS)

OUTCOMES: Final = {
    "conversion": {"event": "purchase", "value": "price"},
    "interest": {"event": "cart"},
    "search": {"event": "search"},
    "page": "view",
    "funnel": ["view", "cart", "purchase"],
}
MEASURED: Final = Workload("measured", FEATURES, SEGMENTS, CLUSTERS, OUTCOMES)
