"""What segments are worth against the oracle, whatever batches, lanes and late events there are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
)
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from operators.outcomes.delta import decode
from operators.outcomes.outcomes import Outcomes, read_beside
from operators.outcomes.spec import OutcomesSpec, with_names
from operators.outcomes.totals import Totals
from operators.settings import Clock, Outputs, Settings
from tests.effort import examples
from tests.oracle import SECOND, Event
from tests.outcomes_oracle import HELD_OUT, MEMBERS, OTHERS, Asked, Done, Move, Taken, Worth
from tests.property.pipeline import Pipeline, segments_of
from tests.property.replay_cases import CHOSEN, INTRICATE, MINUTE, SEGMENTS, micros, oracle_user
from tests.property.strategies import GAP, cuts, events

PLAIN_OUTCOMES: dict[str, Any] = {
    "conversion": {"event": "purchase", "value": "price"},
    "interest": {"event": ["cart", "purchase"]},
    "page": "view",
    "funnel": ["view", "cart", "purchase"],
    "cohorts": "day",
    "strata": {"shop": ["a", "b"]},
}
OUTCOMES = msgspec.convert(with_names({"outcomes": PLAIN_OUTCOMES})["outcomes"], OutcomesSpec)
ASKED = {"conversion": ({"purchase"}, True), "interest": ({"cart", "purchase"}, False)}
NOWHERE = Outputs(
    assignments="a",
    transitions="t",
    dead_letters="d",
    models="m",
    status=None,
    leases="l",
    most_letter_bytes=1,
)


def measuring(
    segments: Mapping[str, Mapping[str, Any]], resolution: int, cohorts: str, *, lanes: int
) -> Pipeline:
    """A pipeline whose segments are measured."""
    spec = msgspec.structs.replace(OUTCOMES, cohorts=cohorts)
    features = {name: msgspec.convert(each, FeatureSpec) for name, each in CHOSEN.items()}
    own = Settings(
        EventsSpec(),
        features,
        segments_of(segments, 1),
        {},
        Clock(wall=False, resolution_us=resolution, as_of_us=0),
        NOWHERE,
        lanes,
        outcomes=spec,
    )
    catalog = Catalog.compile(features, GAP, read_beside(spec))
    return Pipeline(catalog, own.segments, lanes, resolution, by_id=True, measured=own)


def records_of(run: Pipeline, parts: int = 1) -> list[OutcomeRecord]:
    """What Measure makes of the deltas, added up in so many parts."""
    assert run.measured is not None
    assert run.measured.outcomes is not None
    kept: dict[str, bytes] = {}
    newest: dict[str, OutcomeRecord] = {}
    for part in range(parts):
        totals = Totals(Outcomes.of(run.measured.outcomes), kept)
        for delta in run.deltas[part::parts]:
            totals.add(decode(delta))
        newest |= {key: record for key, record in totals.take_changed(1) if record is not None}
    return list(newest.values())


def expected(
    chosen: Iterable[Event], moves: Mapping[str, list[Move]], names: list[str], cohorts: str
) -> Worth:
    """The same by the oracle, by what the run said of memberships."""
    worth = Worth(Asked(ASKED, {"view"}, OUTCOMES.funnel, cohorts, ["a", "b"]), names)
    chosen = list(chosen)
    for user in sorted({event.user for event in chosen}):
        known = oracle_user(by_id=True)
        own = [event for event in chosen if event.user == user]
        assert all(known.add(event) for event in own)  # none of these features has a last tile
        done = [
            Done(e.time, e.type, e.properties["price"], session, opened, e.properties["shop"])
            for e, session, opened in zip(own, known.sessions, known.opened, strict=True)
        ]
        worth.add(done, moves.get(user, []))
    return worth


def moves_of(run: Pipeline) -> dict[str, list[Move]]:
    found: dict[str, list[Move]] = {}
    for each in run.transitions:
        to = MEMBERS if each.kind == "enter" else OTHERS
        found.setdefault(each.user, []).append(Move(micros(each.at), each.segment, to))
    return found


def day_numbers(group: GroupDay) -> dict[str, float]:
    """A group's numbers by the oracle's names, those that are 0 left out."""
    steps = {f"step {at}": number for at, number in enumerate(group.steps)}
    plain = {name: getattr(group, name) for name in ("sessions", "seconds", "pages", "bounces")}
    named = {
        f"{what} {name}": number
        for what, numbers in (
            ("conversions", group.conversions),
            ("value", group.value),
            ("converted", group.converted),
            ("session value", group.session_value),
        )
        for name, number in numbers.items()
    }
    return {name: number for name, number in (plain | steps | named).items() if number}


def same_numbers(found: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    """Counts exactly, values but for what rounding to millionths leaves."""
    wanted = {name: number for name, number in wanted.items() if number}
    return found.keys() == wanted.keys() and all(
        math.isclose(found[name], number, rel_tol=1e-9, abs_tol=1e-4)
        if "value" in name or name == "seconds"
        else found[name] == number
        for name, number in wanted.items()
    )


def same_cohort(found: Cohort, wanted: Taken) -> bool:
    retained = [wanted.retained[at] for at in range(max(wanted.retained, default=-1) + 1)]
    return (
        found.users == wanted.users
        and (not found.retained or found.retained == retained)
        and all(
            own.converted == wanted.converted[name]
            and own.conversions == wanted.conversions[name]
            and math.isclose(own.value, wanted.value[name], rel_tol=1e-9, abs_tol=1e-4)
            and math.isclose(own.squares, wanted.squares[name], rel_tol=1e-6, abs_tol=1e-2)
            for name, own in found.outcomes.items()
        )
    )


def check(records: Iterable[OutcomeRecord], worth: Worth) -> None:
    """All that the oracle counts is told, and nothing else."""
    groups, moves, cohorts, both = {}, {}, {}, {}
    for record in records:
        told = ((MEMBERS, record.members), (HELD_OUT, record.held_out), (OTHERS, record.others))
        if isinstance(record, DayOutcomes):
            groups |= {(record.name, record.day, x): day_numbers(y) for x, y in told}
            moves[record.name, record.day] = (record.entries, record.exits, record.stayed_seconds)
        else:
            assert isinstance(record, CohortOutcomes)
            key = (record.name, record.cohort, record.stratum)
            cohorts |= {(*key, x): y for x, y in told}
            both |= {(*key, x): y for x, y in record.both.items()}
    for key, group in worth.groups.items():
        assert same_numbers(groups.pop(key, {}), group.numbers), key
    assert not any(groups.values())
    for place in {*worth.entries, *worth.exits}:
        stayed = worth.stayed[place] / 1_000_000
        assert moves.pop(place) == (worth.entries[place], worth.exits[place], stayed)
    assert not any(any(each) for each in moves.values())
    for key, taken in worth.cohorts.items():
        assert same_cohort(cohorts.pop(key), taken), key
    assert not any(each.users for each in cohorts.values())
    for key, taken in worth.both.items():
        assert same_cohort(both.pop(key), taken), key
    assert not both


@given(
    chosen=events(in_order=True) | events(),
    lanes=st.sampled_from([1, 2, 5]),
    resolution=st.sampled_from([MINUTE, 7 * MINUTE]),
    cohorts=st.sampled_from(["day", "week", "month"]),
    parts=st.integers(1, 4),
    data=st.data(),
)
@settings(max_examples=examples(100), deadline=None)
def test_what_segments_are_worth_is_what_the_oracle_counts(
    chosen: list[Event],
    lanes: int,
    resolution: int,
    cohorts: str,
    parts: int,
    data: st.DataObject,
) -> None:
    run = measuring(INTRICATE, resolution, cohorts, lanes=lanes)
    for cut in cuts(data.draw, len(chosen)):
        run.feed(chosen[cut])
    run.finish(max(event.time for event in chosen) + data.draw(st.integers(1, 5000)) * SECOND)
    check(records_of(run, parts), expected(chosen, moves_of(run), list(INTRICATE), cohorts))


@given(
    chosen=events(in_order=True) | events(),
    lanes=st.sampled_from([1, 3]),
    data=st.data(),
)
@settings(max_examples=examples(60), deadline=None)
def test_who_is_held_out_is_measured_beside_the_members(
    chosen: list[Event], lanes: int, data: st.DataObject
) -> None:
    """Held out are those who enter nothing where, without the holdout, they would."""
    end = max(event.time for event in chosen) + data.draw(st.integers(1, 5000)) * SECOND
    halved = {name: {**spec, "holdout": "50%"} for name, spec in SEGMENTS.items()}
    runs = [measuring(x, MINUTE, "day", lanes=lanes) for x in (halved, SEGMENTS)]
    for run in runs:
        for cut in cuts(data.draw, len(chosen)):
            run.feed(chosen[cut])
        run.finish(end)
    own, everyone = (moves_of(run) for run in runs)
    moves = {
        user: [_held(each, own.get(user, [])) for each in found] for user, found in everyone.items()
    }
    check(records_of(runs[0]), expected(chosen, moves, list(SEGMENTS), "day"))


def _held(move: Move, own: Iterable[Move]) -> Move:
    """What a move comes to for a user whose own moves are these."""
    if move.to == OTHERS or any(each.segment == move.segment for each in own):
        return move
    return Move(move.at, move.segment, HELD_OUT)
