"""A roster of files on a mini-cluster: people who have never done anything are judged, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.flink.harness import config_of, run_job, write_events
from tests.oracle import SECOND, Event

pytestmark = pytest.mark.flink

FEATURES: Final = {
    "purchases": {"count": "purchase", "window": "lifetime"},
    "first": {"since_first": "purchase", "unit": "days"},
    "plan": {"last": "plan", "of": "profile_updated", "default": "none"},
    "signed_up": {"first": "plan"},
}
SEGMENTS: Final = {
    "Never Bought": {"when": "purchases = 0 AND first IS NULL"},
    "Pro": {"when": "plan = 'pro'"},
    "Came as Free": {"when": "signed_up = 'free'"},
}
DAY: Final = 86_400 * SECOND
NOON: Final = 20_000 * DAY
EVENTS: Final = [
    Event("ann", NOON, "view", None, {}),
    Event("ann", NOON + DAY, "purchase", None, {"plan": "free"}),
    Event("bob", NOON + 2 * DAY, "profile_updated", None, {"plan": "pro"}),
    Event("eve", NOON - DAY, "profile_updated", None, {"plan": "free"}),
]
ROSTER: Final = "id;plan;visits\nann;free;3\nbob;free;\ncay;pro;1\ndee;;\n;pro;1\n"


def config() -> dict[str, Any]:
    roster = {"files": {"paths": ["users.csv"]}, "user": "id"}
    made = config_of(FEATURES, SEGMENTS, roster=roster)
    made["source"]["files"]["order"] = "time"
    return made


def test_never_bought_has_those_who_have_done_nothing(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", EVENTS)  # not in the order of time
    (tmp_path / "users.csv").write_text(ROSTER)
    run = run_job(tmp_path, config())
    members = {user: set(found.segments) for user, found in run.assignments().items()}
    assert members == {
        "ann": {"Came as Free"},
        "bob": {"Never Bought", "Pro", "Came as Free"},
        "cay": {"Never Bought", "Pro"},
        "dee": {"Never Bought"},
        "eve": {"Never Bought", "Came as Free"},
    }
    entered = {(each.user, each.segment): each.at for each in run.transitions()}
    # By the event clock an end, or one's own first event, is the first moment.
    assert entered["cay", "Never Bought"].startswith("2024-10-06T00:00:00.000000")
    assert entered["eve", "Never Bought"].startswith("2024-10-03T00:01:00")
    (letter,) = run.dead_letters()
    assert letter.reason == "bad_roster"
    assert json.loads(letter.raw) == {"id": "", "plan": "pro", "visits": "1"}
    assert run.outcome.totals == {
        "records": 9,
        "events_applied": 4,
        "people": 4,
        "dead_letters": 1,
        "duplicates": 0,
    }
