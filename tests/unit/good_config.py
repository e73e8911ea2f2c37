"""A configuration without a mistake."""

from __future__ import annotations

from typing import Any

GOOD: dict[str, Any] = {
    "name": "shop",
    "source": {"kafka": {"bootstrap": "localhost:9092", "topic": "events"}},
    "output": {"kafka": {"bootstrap": "localhost:9092"}},
    "features": {
        "product_views": {"count": "view", "window": "session"},
        "session_minutes": {"duration": "session"},
        "device": {"last": "device", "one_hot": ["mobile", "desktop"]},
        "since_purchase": {"since": "purchase"},
    },
    "segments": {"Engaged Buyers": {"when": "session_minutes > 5 AND product_views > 3"}},
    "clusters": {"shoppers": {"k": 3, "features": ["product_views", "device"]}},
}
