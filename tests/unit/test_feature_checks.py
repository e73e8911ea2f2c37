"""What a mistake in a feature says: where it is, what was expected, what stood there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from operators.features.checks import problems
from operators.features.spec import FeatureSpec

ANY_OF = "today, yesterday, this_week, this_month, last_month"
GOING_ON = "today, this_week, this_month"


def found(**feature: Any) -> list[str]:
    return [str(p) for p in problems({"x": msgspec.convert(feature, FeatureSpec)})]


@pytest.mark.parametrize(
    "feature",
    [
        {"hour": "purchase", "zone": "Europe/Berlin"},
        {"weekday": ["view", "cart"], "where": "price > 3"},
        {"last": "plan", "of": "profile", "default": "free", "one_hot": ["free", "paid"]},
        {"first": "age", "type": "number", "default": 30},
        {"decayed_count": "view", "half_life": "1s"},
        {"decayed_sum": "price", "of": "purchase", "half_life": "7d"},
        {"rate": "view", "window": "1h", "baseline": "7d"},
        {"most_frequent": "category", "window": "session", "one_hot": ["shoes"]},
        {"unique_list": "brand", "of": "view", "window": "session", "most": 50},
        {"since": "any", "has": "price", "type": "number", "unit": "days"},
        {"since_change": "plan", "of": "profile_updated", "unit": "days"},
        {"unmatched": "cart", "by": "purchase", "same": "product", "window": "lifetime"},
        {"funnel_time": ["view", "cart"], "within": "30m", "unit": "seconds"},
        {"returned_after": "session", "unit": "days"},
        {"per_session": "view", "window": "lifetime"},
        {"bounce_rate": "30d", "tile": "1d"},
        {"median": "price", "of": "purchase", "window": "90d"},
        {"percentile": "price", "at": 99.5, "window": "lifetime"},
        {"count": "view", "window": "last_month", "zone": "Europe/Berlin"},
        {"active_days": "any", "window": "2w", "zone": "Europe/Berlin"},
        {"active_days": "any", "window": "yesterday"},
        {"count": "view", "window": "1h", "exact": True},
        {"unique_list": "brand", "window": "7d", "tile": "1d", "exact": True},
        {"bounce_rate": "this_week", "zone": "Europe/Berlin"},
    ],
)
def test_what_is_right_is_not_refused(feature: dict[str, Any]) -> None:
    assert found(**feature) == []


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (
            {"hour": "purchase", "zone": "Europe/Berln"},
            "features.x.zone: expected a time zone such as UTC or Europe/Berlin, found "
            "'Europe/Berln', did you mean 'Europe/Berlin'?",
        ),
        (
            {"hour": "purchase", "unit": "days"},
            "features.x.unit: 'hour' takes where, zone; not 'unit'",
        ),
        ({"weekday": []}, "features.x.weekday: expected at least one name, and none empty"),
        (
            {"last": "plan", "default": 3},
            "features.x.default: expected a text (or type: number), found 3: quote it",
        ),
        (
            {"last": "plan", "default": ""},
            "features.x.default: expected a text of 1 to 1000 characters, found 0",
        ),
        (
            {"first": "age", "type": "number", "default": "young"},
            "features.x.default: expected a number, as the type says, found 'young'",
        ),
        (
            {"first": "age", "type": "number", "default": float("inf")},
            "features.x.default: expected a number, as the type says, found 'inf'",
        ),
        (
            {"decayed_count": "view"},
            "features.x.half_life: expected a duration such as 7d",
        ),
        (
            {"decayed_count": "view", "half_life": "10ms"},
            "features.x.half_life: expected 1s or longer, found '10ms'",
        ),
        (
            {"decayed_sum": "price", "half_life": "soon"},
            "features.x.half_life: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 "
            "years), found 'soon'",
        ),
        (
            {"rate": "view", "window": "session", "baseline": "7d"},
            "features.x.window: expected a duration such as 1h",
        ),
        (
            {"rate": "view", "window": "1d", "baseline": "1h"},
            "features.x.baseline: expected a duration longer than the window, which it is compared "
            "with, found '1h'",
        ),
        (
            {"rate": "view", "window": "1d"},
            "features.x.baseline: expected a duration such as 7d",
        ),
        (
            {"rate": "view", "window": "1d", "baseline": "always"},
            "features.x.baseline: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 "
            "years), found 'always'",
        ),
        (
            {"percentile": "price", "window": "1d"},
            "features.x.at: expected the percentage of values below, such as 90",
        ),
        (
            {"percentile": "price", "at": 101, "window": "1d"},
            "features.x.at: expected a percentage from 0 to 100, found 101",
        ),
        (
            {"median": "price", "window": "session"},
            f"features.x.window: expected lifetime, {GOING_ON} or a duration such as 1h, found "
            "'session'",
        ),
        ({"most_frequent": "", "window": "1h"}, "features.x.most_frequent: expected the name of a"),
        (
            {"most_frequent": "category"},
            f"features.x.window: expected session, lifetime, {GOING_ON} or a duration such as 1h",
        ),
        (
            {"distinct": "category", "window": "yesterday"},
            f"features.x.window: expected session, lifetime, {GOING_ON} or a duration such as 1h, "
            "found 'yesterday'",
        ),
        (
            {"count": "view", "window": "tomorrow"},
            "features.x.window: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), "
            f"found 'tomorrow', or session or lifetime or {ANY_OF.replace(', ', ' or ')}",
        ),
        (
            {"count": "view", "window": "today", "tile": "1h"},
            "features.x.tile: only a window of a duration has tiles",
        ),
        (
            {"count": "view", "window": "1d", "zone": "Asia/Tokyo"},
            f"features.x.zone: only a window of the calendar has a zone: {ANY_OF}",
        ),
        (
            {"sessions": "today", "zone": "Asia/Tokio"},
            "features.x.zone: expected a time zone such as UTC or Europe/Berlin, found "
            "'Asia/Tokio', did you mean 'Asia/Tokyo'?",
        ),
        (
            {"rate": "view", "window": "today", "baseline": "7d"},
            "features.x.window: expected a duration such as 1h, found 'today'",
        ),
        (
            {"count": "view", "window": "today", "exact": True},
            "features.x.exact: only a window of a duration is in tiles, and can be exact instead",
        ),
        (
            {"sum": "price", "window": "1h", "exact": False},
            "features.x.exact: expected true, or nothing where the window may be in tiles",
        ),
        (
            {"distinct": "shop", "window": "1h", "exact": True},
            "features.x.exact: 'distinct' takes of, tile, where, window, zone; not 'exact'",
        ),
        (
            {"active_days": "view", "window": "36h"},
            "features.x.window: expected 1 to 400 whole days, found '36h'",
        ),
        (
            {"active_days": "view", "window": "401d"},
            "features.x.window: expected 1 to 400 whole days, found '401d'",
        ),
        (
            {"active_days": "view", "window": "lifetime"},
            f"features.x.window: expected {ANY_OF} or a duration such as 1h, found 'lifetime'",
        ),
        (
            {"active_days": "view", "window": "2d", "tile": "1d"},
            "features.x.tile: 'active_days' takes where, window, zone; not 'tile'",
        ),
        (
            {"since": "view", "type": "number"},
            "features.x.type: it says what kind of property `has` names, and there is none",
        ),
        ({"since": "view", "has": ""}, "features.x.has: expected the name of a property"),
        ({"since_change": ""}, "features.x.since_change: expected the name of a property"),
        (
            {"unique_list": "brand", "window": "1d", "most": 51},
            "features.x.most: expected a whole number from 1 to 50, found 51",
        ),
        (
            {"unique_list": "brand", "window": "1d", "most": 0},
            "features.x.most: expected a whole number from 1 to 50, found 0",
        ),
        (
            {"unique_list": "brand"},
            f"features.x.window: expected session, lifetime, {GOING_ON} or a duration such as 1h",
        ),
        (
            {"unmatched": "cart", "same": "product", "window": "1d"},
            "features.x.by: expected the event types that match, such as purchase",
        ),
        (
            {"unmatched": "cart", "by": "purchase", "window": "1d"},
            "features.x.same: expected the property that both events share, such as product_id",
        ),
        (
            {"unmatched": "cart", "by": "purchase", "same": "p", "window": "session"},
            f"features.x.window: expected lifetime, {GOING_ON} or a duration such as 1h, found "
            "'session'",
        ),
        (
            {"funnel_time": ["view"], "within": "30m"},
            "features.x.funnel_time: expected 2 to 20 event types in their order, found 1",
        ),
        (
            {"returned_after": "30d"},
            "features.x.returned_after: expected session, found '30d'",
        ),
        (
            {"per_session": "view", "window": "session"},
            f"features.x.window: expected lifetime, {ANY_OF} or a duration such as 1h",
        ),
        (
            {"bounce_rate": "session"},
            f"features.x.bounce_rate: expected lifetime, {ANY_OF} or a duration such as 1h",
        ),
        (
            {"sessions": "session"},
            f"features.x.sessions: expected lifetime, {ANY_OF} or a duration such as 1h",
        ),
        (
            {"sessions": "often"},
            "features.x.sessions: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 "
            "years), found 'often', or lifetime",
        ),
        ({"count": "view", "window": "session", "tile": "1m"}, "features.x.tile: only a window of"),
        (
            {"count": "view", "window": "1h", "tile": "7m"},
            "features.x.tile: expected a tile that divides the window 1h into 1 to 1000 parts, "
            "found '7m'",
        ),
        ({"sessions": "1h", "tile": "soon"}, "features.x.tile: expected a duration such as 30s"),
        ({"count": "view", "window": "1y", "tile": "7m"}, "features.x.window: expected a duration"),
    ],
)
def test_a_mistake_is_told(feature: dict[str, Any], expected: str) -> None:
    (told,) = found(**feature)
    assert told.startswith(expected), told
