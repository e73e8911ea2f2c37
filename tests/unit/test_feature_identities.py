"""Which changes of a definition make another feature: of its state, and of what it says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec

GAP_US = 30 * 60_000_000


def identities(gap_us: int = GAP_US, **feature: Any) -> tuple[str, str]:
    """Of the state and of the values."""
    catalog = Catalog.compile({"x": msgspec.convert(feature, FeatureSpec)}, gap_us)
    return catalog.identities["x"], catalog.columns["x"].identity


@pytest.mark.parametrize(
    ("one", "other", "same_state", "same_values"),
    [
        ({"count": "view", "window": "1h"}, {"count": "cart", "window": "1h"}, False, False),
        ({"hour": "view"}, {"hour": "view", "zone": "Asia/Tokyo"}, True, False),
        (
            {"count": "view", "window": "today"},
            {"count": "view", "window": "today", "zone": "Asia/Tokyo"},
            *(False, False),
        ),
        (
            {"active_days": "view", "window": "7d"},
            {"active_days": "view", "window": "7d", "zone": "Asia/Tokyo"},
            *(False, False),
        ),
        (
            {"count": "view", "window": "1h"},
            {"count": "view", "window": "1h", "exact": True},
            *(False, False),
        ),
        (
            {"median": "price", "window": "1h"},
            {"median": "price", "window": "1h", "exact": True},
            *(True, False),
        ),
        ({"last": "plan"}, {"last": "plan", "default": "free"}, True, False),
        ({"last": "plan"}, {"last": "plan", "one_hot": ["free"]}, True, True),
        ({"since": "view"}, {"since": "view", "unit": "days"}, True, True),
        ({"duration": "session"}, {"duration": "session", "unit": "hours"}, True, False),
        (
            {"percentile": "price", "at": 90, "window": "1h"},
            {"percentile": "price", "at": 10, "window": "1h"},
            *(True, False),
        ),
        (
            {"decayed_count": "view", "half_life": "1h"},
            {"decayed_count": "view", "half_life": "2h"},
            *(False, False),
        ),
    ],
)
def test_how_state_is_shown_is_no_part_of_it(
    one: dict[str, Any], other: dict[str, Any], same_state: bool, same_values: bool
) -> None:
    state, values = zip(identities(**one), identities(**other), strict=True)
    assert (state[0] == state[1], values[0] == values[1]) == (same_state, same_values)


@pytest.mark.parametrize(
    "feature",
    [
        {"returned_after": "session"},
        {"bounce_rate": "30d"},
        {"per_session": "view", "window": "30d"},
        {"most_frequent": "shop", "window": "session"},
        {"unique_list": "shop", "window": "session"},
    ],
)
def test_another_gap_makes_other_sessions(feature: dict[str, Any]) -> None:
    assert identities(**feature) != identities(2 * GAP_US, **feature)


def test_what_knows_no_sessions_does_not_mind_the_gap() -> None:
    feature = {"most_frequent": "shop", "window": "1h"}
    assert identities(**feature) == identities(2 * GAP_US, **feature)
