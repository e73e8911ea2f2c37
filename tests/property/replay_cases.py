"""Features and segments that replays judge by, and what the oracle says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.oracle import SECOND, Conditions, User
from tests.property.pipeline import Pipeline
from tests.property.strategies import FEATURES, GAP, START, TILES, retained

SEGMENTS = {
    "Engaged": {"when": "minutes > 5 AND views_session > 3"},
    "Intent": {
        "when": "views_10m >= 2 AND carts >= 1",
        "leave_when": "views_10m = 0",
        "min_dwell": "5m",
    },
    "Recent": {"when": "since_cart < 300"},
    "Quiet": {"when": "since_any >= 20 AND NOT shops_1h = 0"},
    "Spenders": {"when": "spend_1h > 100 OR spend_session / views_session > 50"},
    "Shop a": {"when": "device = 'a' OR device IS NULL"},
    "Slow": {"when": "since_any > minutes + 1", "min_dwell": "1h"},
    "Returning": {"when": "visits >= 3 AND visits_1h BETWEEN 1 AND 2"},
}
PLAIN = {name: {"when": spec["when"]} for name, spec in SEGMENTS.items()}


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(START // SECOND + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


# Every way in which time, other segments and lists decide.
INTRICATE: dict[str, dict[str, Any]] = {
    **SEGMENTS,
    "Fresh": {"when": "since_cart < 10", "cooldown": "50m"},
    "Later": {"when": "shops_1h >= 1", "from": iso(5_000), "until": iso(40_000)},
    "Known": {"members": ["bob"], "until": iso(9_000)},
    "Both": {"when": "in_segment('Quiet') AND NOT in_segment('Shop a')", "min_dwell": "7m"},
    "Worth a call": {"when": "in_segment('Gold') OR in_segment('Both')", "cooldown": "2m"},
    "Gold": {"when": "spend_1h > 200", "group": "tier", "priority": 3, "cooldown": "20m"},
    "Silver": {"when": "spend_1h > 50", "group": "tier", "priority": 2, "min_dwell": "25m"},
    "Bronze": {
        **{"when": "views_10m > 0", "leave_when": "views_10m = 0", "group": "tier"},
        "members": ["cay"],
    },
}
NAMES = [
    *("minutes", "views_session", "views_10m", "carts", "since_cart", "since_any", "shops_1h"),
    *("spend_1h", "spend_session", "device", "visits", "visits_1h"),
]
CHOSEN = {name: FEATURES[name] for name in NAMES}
MINUTE = 60 * SECOND


def oracle_user(by_id: bool) -> User:
    return User(CHOSEN, TILES, retained(NAMES), GAP, by_id)


def micros(text: str) -> int:
    moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(moment.total_seconds() * SECOND)


def holds(condition: str, values: dict[str, Any]) -> bool:
    return Conditions().holds(condition, values) is True


def told(run: Pipeline) -> set[tuple[str, int, str, str]]:
    return {(t.user, micros(t.at), t.segment, t.kind) for t in run.transitions}


# Ages that are computed with are looked at in steps, not at every moment.
EXACT = {name: spec for name, spec in PLAIN.items() if name != "Slow"}
OLD = {"Intent": SEGMENTS["Intent"], "Recent": {"when": "since_cart > 5"}, "Gone": {"when": "TRUE"}}
