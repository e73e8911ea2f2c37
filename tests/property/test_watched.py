"""What rules say is worth a look is all that can change a verdict."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.frame import Kind
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.property.feeding import catalog_of
from tests.property.pipeline import pipeline
from tests.property.replay_cases import MINUTE, told
from tests.property.strategies import FEATURES, GAP, START, cuts, events, features

# Near what the features come to, so that values stand on both sides of them, or on them.
NUMBERS = st.sampled_from([0, 0.0005, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 50, 100, 250.5, -3])
COMPARED = st.sampled_from(["<", "<=", "=", "<>", ">", ">="])


@st.composite
def conditions(draw: st.DrawFn, names: list[str]) -> str:
    """A comparison of a feature, or of two in an expression."""
    columns = catalog_of(names).columns
    name = draw(st.sampled_from(names))
    numbers = [other for other in names if not columns[other].kind.coded]
    match columns[name].kind:
        case Kind.LIST:
            return f"contains({name}, 'a')"
        case Kind.CATEGORY:
            return draw(st.sampled_from([f"{name} = 'b'", f"{name} IS NULL", f"{name} <> 'a'"]))
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    forms = [
        f"{name} {draw(COMPARED)} {low}",
        f"{name} BETWEEN {low} AND {high}",
        f"{name} IN ({low}, {high})",
        f"{name} IS NOT NULL",
        f"{name} + {draw(st.sampled_from(numbers))} > {high}",
        f"{name} > {draw(st.sampled_from(numbers))}",
    ]
    return draw(st.sampled_from(forms[:1] * 3 + forms[1:]))


@st.composite
def segments(draw: st.DrawFn, names: list[str]) -> dict[str, dict[str, Any]]:
    """Some segments over features."""
    found: dict[str, dict[str, Any]] = {}
    for number in range(draw(st.integers(1, 4))):
        joined = f" {draw(st.sampled_from(['AND', 'OR']))} "
        spec = {"when": joined.join(draw(st.lists(conditions(names), min_size=1, max_size=2)))}
        if draw(st.booleans()):
            spec["leave_when"] = draw(conditions(names))
        spec |= draw(st.sampled_from([{}, {}, {"min_dwell": "11m"}, {"cooldown": "25m"}]))
        found[f"segment {number}"] = spec
    return found


@given(
    names=features,
    chosen=events(most=25),
    resolution=st.sampled_from([SECOND, MINUTE, 7 * MINUTE]),
    by_id=st.booleans(),
    data=st.data(),
)
@settings(max_examples=examples(300), deadline=None)
def test_a_look_at_what_can_change_a_verdict_is_enough(
    names: list[str], chosen: list[Event], resolution: int, by_id: bool, data: st.DataObject
) -> None:
    specs = {name: FEATURES[name] for name in names}
    asked = data.draw(segments(names))
    as_of = max(event.time for event in chosen) + data.draw(st.integers(0, 20_000)) * SECOND
    every, some = (
        pipeline(specs, asked, GAP, lanes=1, resolution=resolution, by_id=by_id, steered=steered)
        for steered in (True, False)
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
