"""What rules say is worth a look is all that can change a verdict."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.pipeline import pipeline
from tests.property.replay_cases import told
from tests.property.strategies import FEATURES, GAP, START, cuts
from tests.property.watched_cases import by_the_event_clock, segments


@by_the_event_clock
@settings(max_examples=examples(300), deadline=None)
def test_a_look_at_what_can_change_a_verdict_is_enough(
    names: list[str], chosen: list[Event], resolution: int, by_id: bool, data: st.DataObject
) -> None:
    specs = {name: FEATURES[name] for name in names}
    asked = data.draw(segments(names))
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 20_000)) * SECOND
    every, some = (
        pipeline(specs, asked, GAP, lanes=1, resolution=resolution, by_id=by_id, every=dumb)
        for dumb in (True, False)
    )
    for run in (every, some):
        for cut in cuts(data.draw, len(chosen)):
            run.feed(chosen[cut])
        run.finish(as_of)
    assert told(some) == told(every)
    assert len(some.transitions) == len(every.transitions)


def test_an_idle_user_is_looked_at_only_where_a_verdict_can_change() -> None:
    specs = {
        "heat": {"decayed_count": "view", "half_life": "10m"},
        "views_1h": {"count": "view", "window": "1h"},
        "views_7d": {"count": "view", "window": "7d"},  # nobody asks for it
    }
    asked = {
        "Hot": {"when": "heat > 1.3"},
        "Lookers": {"when": "views_1h > 2 AND views_1h < 100"},
        "Off": {"when": "views_7d > 2", "paused": True},
    }
    empty: dict[str, Any] = {"price": None, "shop": None}
    chosen = [Event("ann", START + at * SECOND, "view", None, empty) for at in range(5)]
    run = pipeline(specs, asked, GAP, lanes=1, resolution=SECOND, by_id=False)
    for event in chosen:
        run.feed([event])
    run.finish(START + 100 * 86_400 * SECOND)
    # After each event, where 5 views have nearly come to 1.3 and are below, when the hour is
    # over, and in the end.
    assert run.evaluations == len(chosen) + 2 + 1 + 1
    assert {(move.segment, move.kind) for move in run.transitions} == {
        (name, kind) for name in ("Hot", "Lookers") for kind in ("enter", "leave")
    }
