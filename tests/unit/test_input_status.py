"""What never comes to a live job: how it is found in batches, kept, told, and put in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pytest

from flink_job.config.load import check
from flink_job.control.input_status import Absent, InputStatus
from operators.contracts.records import CameLast, LaneInput
from operators.events.decode import EventDecoder
from operators.events.seen_names import SeenNames
from operators.events.spec import EventsSpec
from operators.features.arrivals import Arrivals, arrive
from operators.features.asked import expected
from operators.features.profiles import Profiles
from operators.features.sightings import LOOK_US, TELL_US, WRITE_US, LastSeen, Sightings, Spotter

NOW_US: Final = 1_790_000_000_000_000
FEATURES: Final = {
    "orders": {"count": "purchase", "window": "30d"},
    "spend": {"sum": "price", "of": ["purchase", "refund"], "window": "30d"},
    "brand": {"last": "brand"},
    "dear": {"count": "view", "window": "1d", "where": "price > 100"},
}
OUTCOMES: Final = {
    "orders": {"event": "purchase", "value": "price"},
    "leads": {"event": "lead", "where": "source = 'mail'"},
    "funnel": ["view", "any", "lead"],
    "strata": {"device": ["mobile", "desktop"]},
}
FIELDS: Final = ["visit", "price of purchase, refund", "brand", "price of view"]
NAMES: Final = ["purchase", "refund", "view", *FIELDS]
MEASURED: Final = ["lead", "price of purchase", "source of lead", "device"]


class Came:
    """Events as they come to a lane, decoded as in the job."""

    def __init__(self, outcomes: Mapping[str, Any] | None = None) -> None:
        data = {
            "source": {"files": {"paths": ["events.jsonl"]}},
            "output": {"folder": "out"},
            "events": {"session": "visit", "time_unit": "us"},
            "features": FEATURES,
            **({"outcomes": outcomes} if outcomes else {}),
        }
        config = check(data, "the test")
        catalog = config.catalog()
        asked = expected(config.features, config.events, config.beside)
        self.spotter = Spotter(asked, catalog.event_types)
        self._decoder = EventDecoder(
            config.events, catalog.event_types, catalog.numbers, catalog.texts, keyed=False
        )
        self._profiles = Profiles(catalog)

    def batch(self, *events: Mapping[str, Any]) -> Arrivals:
        usual = {"user_id": "ann", "event_time": 1_000}
        values = [json.dumps({**usual, **event}).encode() for event in events]
        return arrive(self._profiles.table, self._decoder.decode((), values, 2_000).events)


@pytest.fixture
def came() -> Came:
    return Came()


def found(came: Came, *events: Mapping[str, Any]) -> set[str]:
    """What one batch has, of all that is asked for."""
    everything = np.arange(len(came.spotter.expected))
    there = came.spotter.there(came.batch(*events), everything).tolist()
    return {str(came.spotter.expected[at]) for at in there}


def test_what_is_asked_for_is_found_by_type_and_field(came: Came) -> None:
    assert sorted(map(str, came.spotter.expected)) == sorted(NAMES)
    assert found(came) == set()
    assert found(came, {"event_type": "sleep"}) == set()
    assert found(came, {"event_type": "view", "visit": "v1", "price": 0}) == {
        *("view", "visit", "price of view"),
    }
    # A field of one type is not there for others, nor is one that is null.
    assert found(
        came, {"event_type": "purchase", "price": None}, {"event_type": "sleep", "price": 3}
    ) == {"purchase"}
    assert found(came, {"event_type": "refund", "price": 3}, {"event_type": "x", "brand": "b"}) == {
        *("refund", "price of purchase, refund", "brand")
    }


def test_what_outcomes_ask_for_is_found_too() -> None:
    came = Came(OUTCOMES)
    places = {str(each): each.where for each in came.spotter.expected}
    assert sorted(places) == sorted([*NAMES, *MEASURED])
    assert [places[name] for name in ("purchase", *MEASURED)] == [
        *("features.orders", "outcomes.leads", "outcomes.orders", "outcomes.leads"),
        "outcomes.strata",
    ]
    assert found(came, {"event_type": "lead", "source": "mail", "price": 3}) == {
        *("lead", "source of lead"),
    }
    assert found(came, {"event_type": "sleep", "device": "mobile"}) == {"device"}
    assert found(came, {"event_type": "purchase", "price": 3}) == {
        *("purchase", "price of purchase", "price of purchase, refund"),
    }


def test_what_came_is_kept_at_once_and_then_now_and_then(came: Came) -> None:
    lane, view = Sightings(came.spotter, LastSeen(), NOW_US), came.batch({"event_type": "view"})
    kept = lane.to_write(NOW_US)
    assert kept is not None  # since when each is asked for
    assert set(kept.since_us.values()) == {NOW_US}
    assert lane.to_write(NOW_US) is None
    later_us = NOW_US + 5
    assert len(lane.see(view, later_us)) == 1
    kept = lane.to_write(later_us)
    assert kept is not None
    assert {name: at for name, at in kept.seen_us.items() if at >= 0} == {"type view": later_us}
    assert len(lane.see(view, later_us + LOOK_US)) == 0  # it is not looked for so soon
    again_us = later_us + LOOK_US + 1
    assert len(lane.see(view, again_us)) == 1
    assert lane.to_write(again_us) is None
    again_us += WRITE_US
    lane.see(view, again_us)
    kept = lane.to_write(again_us)
    assert kept is not None
    restored = Sightings(came.spotter, kept, again_us + 1)
    assert restored.seen_us.max() == again_us
    assert set(restored.since_us) == {NOW_US}
    assert restored.to_write(again_us + 1) is None


def test_what_is_asked_for_later_is_asked_for_since_then(came: Came) -> None:
    lane = Sightings(came.spotter, LastSeen({"type view": 7}, {"type view": 3, "type x": 1}), 9)
    kept = lane.to_write(9)
    assert kept is not None
    assert (kept.seen_us["type view"], kept.since_us["type view"]) == (7, 3)
    assert (kept.seen_us["type purchase"], kept.since_us["type purchase"]) == (-1, 9)
    assert "type x" not in kept.since_us


def test_news_is_told_soon_and_all_else_now_and_then(came: Came) -> None:
    lane, view = Sightings(came.spotter, LastSeen(), NOW_US), came.batch({"event_type": "view"})
    assert lane.to_tell(NOW_US)
    lane.see(view, NOW_US + 1)
    assert not lane.to_tell(NOW_US + 1)
    assert lane.to_tell(NOW_US + LOOK_US)
    lane.see(view, NOW_US + 3 * LOOK_US)
    assert not lane.to_tell(NOW_US + 3 * LOOK_US)
    assert lane.to_tell(NOW_US + LOOK_US + TELL_US)


def test_names_are_those_of_a_sample() -> None:
    names = SeenNames(EventsSpec(type="event.kind"))
    names.add([b'{"event": {"kind": 7}, "a": [{"key": "b"}]}', b"none", b'{"a": 1}'])
    assert names.most(names.fields, 2) == ["a", "event"]
    assert set(names.fields) == {"event", "event.kind", "a", "a.b"}
    assert names.most(names.types, 2) == ["7"]


AT: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)


def moment(days: float) -> str:
    """So many days before `AT`."""
    return (AT - timedelta(days=days)).isoformat().replace("+00:00", "Z")


def lane_input(lane: int, came: list[CameLast], at: float = 0, **seen: list[str]) -> LaneInput:
    return LaneInput(lane, moment(at), came, seen.get("fields", []), seen.get("types", []))


def test_what_no_lane_has_is_absent_with_the_nearest_name() -> None:
    orders = CameLast("features.orders", moment(3), None, "purchase")
    views = CameLast("features.views", moment(3), moment(2), "view")
    spend = CameLast("features.spend", moment(3), None, None, "prise", ["view"])
    total = CameLast("features.total", moment(3), None, None, "total", ["purchase"])
    seen = {"fields": ["user_id", "price"], "types": ["view", "Purchase"]}
    status = InputStatus.of(
        4,
        [
            lane_input(0, [orders, views, spend, total], **seen),
            lane_input(1, [CameLast("features.views", moment(1), moment(0.5), "view")], at=0.01),
        ],
    )
    assert (status.lanes, status.lanes_told, status.told_at) == (4, 2, moment(0))
    assert {each.last for each in status.came if each.type == "view"} == {moment(0.5)}
    three = 3 * 86_400
    assert status.absent == [
        Absent(
            *("features.orders", "event of type 'purchase'", three, True),
            ", did you mean 'Purchase'?",
        ),
        Absent(
            *("features.spend", "event of type view with 'prise'", three, True),
            ", did you mean 'price'?",
        ),
    ]  # a field of a type that never comes is not told beside the type


def test_what_came_a_while_ago_is_told_after_a_day() -> None:
    def of(days: float) -> list[Absent]:
        cart = CameLast("features.carts", moment(9), moment(days), "cart")
        return InputStatus.of(1, [lane_input(0, [cart])]).absent

    assert of(0.9) == []
    assert of(2) == [Absent("features.carts", "event of type 'cart'", 2 * 86_400, False)]


def test_before_a_lane_has_told_nothing_is_known() -> None:
    assert InputStatus.of(8, []) == InputStatus(8, 0, None, [], [])
