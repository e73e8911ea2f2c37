"""What `flockwise features` says is what the state holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from operators.features.catalog import Catalog
from operators.features.listing import edges, listed
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.unit.good_config import GOOD

FEATURES = {
    "views_1h": FeatureSpec(count="view", window="1h"),
    "carts_1h": FeatureSpec(count="cart", window="1h"),
    "spend": FeatureSpec(sum="price", window="lifetime"),
    "mean_price": FeatureSpec(mean="price", window="30d"),
    "shops": FeatureSpec(distinct="shop", window="7d"),
    "minutes": FeatureSpec(duration="session"),
    "since_view": FeatureSpec(since="view", unit="days"),
    "device": FeatureSpec(last="device"),
    "since_device": FeatureSpec(since_change="device", unit="hours"),
    "steps": FeatureSpec(funnel=["view", "cart"], within="30m"),
    "steps_time": FeatureSpec(funnel_time=["view", "cart"], within="30m"),
    "eagerness": FeatureSpec(rate="view", window="1h", baseline="7d"),
    "depth": FeatureSpec(per_session="view", window="30d"),
    "favourite": FeatureSpec(most_frequent="shop", window="7d"),
    "brands": FeatureSpec(unique_list="brand", window="7d", most=5),
    "open_carts": FeatureSpec(unmatched="cart", by="purchase", same="shop", window="1d"),
    "heat": FeatureSpec(decayed_count="view", half_life="1d"),
    "typical": FeatureSpec(median="price", window="90d"),
    "hour": FeatureSpec(hour="view"),
    "bounces": FeatureSpec(bounce_rate="30d"),
    "away": FeatureSpec(returned_after="session", unit="days"),
    "views_yesterday": FeatureSpec(count="view", window="yesterday", zone="Europe/Berlin"),
    "days": FeatureSpec(active_days="view", window="7d"),
    "views_exact": FeatureSpec(count="view", window="1h", exact=True),
    "mean_exact": FeatureSpec(mean="price", window="7d", exact=True),
    "median_exact": FeatureSpec(median="price", window="1h", exact=True),
    "views_whole": FeatureSpec(count="view", window="1h", tile="1h"),
}
GAP_US = 30 * 60_000_000


def test_every_feature_is_listed_with_its_type_unit_window_and_tile() -> None:
    found = listed(FEATURES, Catalog.compile(FEATURES, GAP_US))
    assert [feature.name for feature in found] == list(FEATURES)
    told = {each.name: (each.kind, each.type, each.unit, each.window, each.tile) for each in found}
    assert told["views_1h"] == ("count", "number", None, "1h", "5m")
    assert told["spend"] == ("sum", "number", None, "lifetime", None)
    assert told["minutes"] == ("duration", "number", "minutes", "session", None)
    assert told["since_view"] == ("since", "number", "days", None, None)
    assert told["device"] == ("last", "category", None, None, None)
    assert told["since_device"] == ("since_change", "number", "hours", None, None)
    assert told["steps"] == ("funnel", "number", None, "30m", None)
    assert told["steps_time"] == ("funnel_time", "number", "minutes", "30m", None)
    assert told["eagerness"] == ("rate", "number", None, "1h", "5m")
    assert told["favourite"] == ("most_frequent", "category", None, "7d", "12h")
    assert told["brands"] == ("unique_list", "list", None, "7d", "12h")
    assert told["heat"] == ("decayed_count", "number", None, "1d", None)
    assert told["hour"] == ("hour", "number", None, None, None)
    assert told["days"] == ("active_days", "number", None, "7d", "1d")
    assert told["views_yesterday"][3:] == ("yesterday in Europe/Berlin", None)
    assert told["away"] == ("returned_after", "number", "days", "session", None)


def test_a_window_in_tiles_is_told_to_be_short_and_an_exact_one_to_be_exact() -> None:
    found = listed(FEATURES, Catalog.compile(FEATURES, GAP_US))
    told = {each.name: (each.short_by, each.exact, each.state_bytes) for each in found}
    assert told["views_1h"] == ("5m", None, 12 * 4)
    assert told["views_exact"] == (None, "for up to 64 events", 12 * 4 + 65 * 8)
    assert told["mean_exact"] == (None, "for up to 64 events", 14 * (8 + 4) + 65 * (8 + 8))
    assert told["median_exact"] == (None, "always", 64 * (8 + 8))
    assert (told["spend"][0], told["views_yesterday"][0]) == (None, None)


def test_what_a_window_in_tiles_really_has_in_it() -> None:
    found = edges(FEATURES)
    assert found["views_1h"] == "the last 55m to 1h, in tiles of 5m"
    assert found["views_whole"] == "up to the last 1h, in tiles of 1h"
    assert found["days"] == "the last 6d to 7d, in tiles of 1d"
    assert found["mean_exact"] == (
        "exactly the last 7d for up to 64 events; of more, the last 156h to 7d, in tiles of 12h"
    )
    assert {"spend", "views_yesterday", "median_exact", "device"}.isdisjoint(found)


def test_the_bytes_of_features_add_up_to_the_rows() -> None:
    catalog = Catalog.compile(FEATURES, GAP_US)
    own = sum(feature.state_bytes for feature in listed(FEATURES, catalog))
    layout = Profiles(catalog).table.layout
    shared = ("newest_us", "due_us", "evaluated_us")
    others = sum(f.bytes for f in layout if f.name in shared or f.name.startswith("session."))
    assert own + others == sum(field.bytes for field in layout)


def test_only_what_tells_values_apart_keeps_an_entry_for_every_value() -> None:
    found = listed(FEATURES, Catalog.compile(FEATURES, GAP_US))
    kept = {feature.name: feature.entry_bytes for feature in found if feature.entry_bytes}
    assert kept == {"shops": 16, "open_carts": 32}


def told_bytes(folder: Path, **more: Any) -> list[int]:
    """The numbers of the lines below the table."""
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(GOOD | more))
    told = CliRunner().invoke(app, ["features", str(path)]).stdout
    _, _, below = told.partition("A user's row takes ")
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", below)]


def test_what_outcomes_take_is_told(tmp_path: Path) -> None:
    bare = {"features": {"device": {"last": "device"}}, "segments": {}, "clusters": {}}
    outcomes = {"conversion": {"event": "purchase"}, "lead": {"event": "lead"}}
    (without,) = told_bytes(tmp_path, **bare)
    row, whole, of_session, judged, per = told_bytes(tmp_path, **bare, outcomes=outcomes)
    assert row > without  # sessions are carried on
    assert whole == of_session + judged
    two = {name: {"when": "device = 'mobile'"} for name in ("A", "B")}
    more = told_bytes(tmp_path, **bare | {"segments": two}, outcomes=outcomes)
    assert (more[0], more[2]) == (row, of_session)
    assert abs(more[3] - judged - 2 * per) <= 8  # two groups share a word
    # Since when, active when, and for each outcome conversions and value; and the group.
    assert 8 * (2 + 2 * 2) <= per <= 8 * (2 + 2 * 2) + 8
