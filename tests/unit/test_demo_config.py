"""The demo's own configuration finds the personas in the demo's events.

Features are computed one event at a time as the configuration says (windows not tiled), and
conditions are asked of sqlite: nothing here is shared with the job.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import flink_job.demo
from flink_job.demo.events import records
from flink_job.demo.personas import PERSONAS
from flink_job.demo.population import Population
from flink_job.demo.simulation import simulate
from operators.base.durations import US_PER_UNIT, parse_duration_us

END_US = 1_764_016_200_000_000  # 20:30 UTC, when many are active
SESSION_GAP_US = 30 * US_PER_UNIT["m"]

Event = dict[str, Any]
Profiles = dict[str, dict[str, Any]]

config = yaml.safe_load((Path(flink_job.demo.__path__[0]) / "demo.yaml").read_text("utf-8"))
NAMES = config["events"]


def time_us(event: Event) -> int:
    return round(datetime.fromisoformat(event[NAMES["time"]]).timestamp() * 1e6)


def within(events: list[Event], window: str) -> list[Event]:
    """A user's events in a window that ends at END_US."""
    if window == "session":
        if END_US - time_us(events[-1]) >= SESSION_GAP_US:
            return []
        return [e for e in events if e[NAMES["session"]] == events[-1][NAMES["session"]]]
    begin_us = END_US - parse_duration_us(window)
    return [event for event in events if time_us(event) > begin_us]


def of_types(events: list[Event], types: str | list[str] | None) -> list[Event]:
    chosen = [types] if isinstance(types, str) else types
    return [event for event in events if chosen is None or event[NAMES["type"]] in chosen]


def values(events: list[Event], feature: Event, field: str) -> list[Any]:
    chosen = of_types(within(events, feature["window"]), feature.get("of"))
    return [event[field] for event in chosen if field in event]


def count(events: list[Event], feature: Event) -> int:
    return len(of_types(within(events, feature["window"]), feature["count"]))


def total(events: list[Event], feature: Event) -> float:
    return float(sum(values(events, feature, feature["sum"])))


def distinct(events: list[Event], feature: Event) -> int:
    return len(set(values(events, feature, feature["distinct"])))


def duration(events: list[Event], feature: Event) -> float | None:
    session = within(events, feature["duration"])
    return (time_us(session[-1]) - time_us(session[0])) / US_PER_UNIT["m"] if session else None


def sessions(events: list[Event], feature: Event) -> int:
    return len({event[NAMES["session"]] for event in within(events, feature["sessions"])})


def since(events: list[Event], feature: Event) -> float | None:
    chosen = of_types(events, feature["since"])
    unit_us = US_PER_UNIT[
        {"minutes": "m", "hours": "h", "days": "d"}[feature.get("unit", "minutes")]
    ]
    return (END_US - time_us(chosen[-1])) / unit_us if chosen else None


def last(events: list[Event], feature: Event) -> Any:
    return [event[feature["last"]] for event in events if feature["last"] in event][-1]


KINDS: dict[str, Callable[[list[Event], Event], Any]] = {
    "count": count,
    "sum": total,
    "distinct": distinct,
    "duration": duration,
    "sessions": sessions,
    "since": since,
    "last": last,
}


def kind_of(feature: Event) -> str:
    (kind,) = feature.keys() & KINDS.keys()
    return str(kind)


@pytest.fixture(scope="module")
def personas() -> dict[str, str]:
    return simulate(Population(1_000, 5, END_US), 21).personas_of()


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    by_user: dict[str, list[Event]] = {}
    for key, value in records(simulate(Population(1_000, 5, END_US), 21)):
        by_user.setdefault(key.decode(), []).append(json.loads(value))
    return {
        user: {
            name: KINDS[kind_of(feature)](events, feature)
            for name, feature in config["features"].items()
        }
        for user, events in by_user.items()
    }


@pytest.fixture(scope="module")
def database(profiles: Profiles) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    names = ["user", *config["features"]]
    connection.execute(f"CREATE TABLE profiles ({', '.join(names)})")
    connection.executemany(
        f"INSERT INTO profiles VALUES ({', '.join('?' * len(names))})",
        [(user, *profile.values()) for user, profile in profiles.items()],
    )
    return connection


def members(database: sqlite3.Connection, segment: str) -> set[str]:
    when = config["segments"][segment]["when"]
    return {user for (user,) in database.execute(f"SELECT user FROM profiles WHERE {when}")}


def precision_and_recall(
    found: set[str], personas: dict[str, str], persona: str
) -> tuple[float, float]:
    right = sum(personas[user] == persona for user in found)
    return right / len(found), right / Counter(personas.values())[persona]


# The segment that is meant for each persona, and the least precision and recall.
MEANT_FOR = {
    "bot": ("Bots", 0.95, 0.9),
    "browser": ("Browsers", 0.85, 0.75),
    "cart abandoner": ("Cart Abandoners", 0.7, 0.7),
    "returning customer": ("Returning Customers", 0.65, 0.5),
    "bargain hunter": ("Bargain Hunters", 0.7, 0.45),
    "high-intent buyer": ("Quick Buyers", 0.65, 0.65),
    "one-time visitor": ("One-Time Visitors", 0.8, 0.85),
}


def test_every_persona_has_a_segment() -> None:
    assert set(MEANT_FOR) == {persona.name for persona in PERSONAS}


@pytest.mark.parametrize("persona", MEANT_FOR)
def test_segments_find_the_personas(
    database: sqlite3.Connection, personas: dict[str, str], persona: str
) -> None:
    segment, least_precision, least_recall = MEANT_FOR[persona]
    precision, recall = precision_and_recall(members(database, segment), personas, persona)
    assert precision > least_precision
    assert recall > least_recall


def test_segments_would_not_find_shuffled_personas(
    database: sqlite3.Connection, personas: dict[str, str]
) -> None:
    labels = list(personas.values())
    random.Random(1).shuffle(labels)
    shuffled = dict(zip(personas, labels, strict=True))
    for persona, (segment, least_precision, _) in MEANT_FOR.items():
        precision, _ = precision_and_recall(members(database, segment), shuffled, persona)
        assert precision < least_precision


@pytest.mark.parametrize("segment", config["segments"])
def test_every_segment_has_members_at_the_end(database: sqlite3.Connection, segment: str) -> None:
    assert 0 < len(members(database, segment)) < 600


@pytest.mark.parametrize("feature", config["features"])
def test_every_feature_differs_between_users(profiles: Profiles, feature: str) -> None:
    assert len({profile[feature] for profile in profiles.values()}) > 1


def test_the_other_conditions_and_lengths_can_be_read(database: sqlite3.Connection) -> None:
    high_intent = config["segments"]["High-Intent Buyers"]
    database.execute(f"SELECT user FROM profiles WHERE {high_intent['leave_when']}")
    assert parse_duration_us(high_intent["min_dwell"]) == 5 * US_PER_UNIT["m"]


def test_clusters_are_of_known_features() -> None:
    for cluster in config["clusters"].values():
        assert set(cluster["features"]) <= set(config["features"])
