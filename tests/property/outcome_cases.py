"""Runs whose segments are measured, and what the oracle says of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
    UserOutcome,
)
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from operators.outcomes.delta import decode
from operators.outcomes.outcomes import Outcomes, read_beside
from operators.outcomes.series import Series
from operators.outcomes.spec import OutcomesSpec, with_names
from operators.outcomes.totals import OutcomeTotals
from operators.rules.spec import SegmentSpec
from operators.settings import Clock, Outputs, Settings
from tests.oracle import Event
from tests.outcomes_oracle import HELD_OUT, MEMBERS, OTHERS, Asked, Done, Move, Taken, Worth
from tests.property.pipeline import Pipeline, segments_of
from tests.property.replay_cases import CHOSEN, MINUTE, micros, oracle_user
from tests.property.strategies import GAP
from tests.property.wall_lane import WallLane

PLAIN_OUTCOMES: dict[str, Any] = {
    "conversion": {"event": "purchase", "value": "price"},
    "interest": {"event": ["cart", "purchase"]},
    "page": "view",
    "funnel": ["view", "cart", "purchase"],
    "cohorts": "day",
    "strata": {"shop": ["a", "b"]},
}
OUTCOMES = msgspec.convert(with_names({"outcomes": PLAIN_OUTCOMES}, [])["outcomes"], OutcomesSpec)
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


def settings_of(segments: Mapping[str, Mapping[str, Any]], cohorts: str = "day") -> Settings:
    """A job that measures segments."""
    return Settings(
        EventsSpec(),
        {name: msgspec.convert(each, FeatureSpec) for name, each in CHOSEN.items()},
        segments_of(segments, 1),
        {},
        Clock(wall=False, resolution_us=MINUTE, as_of_us=0),
        NOWHERE,
        1,
        outcomes=msgspec.structs.replace(OUTCOMES, cohorts=cohorts),
    )


def measuring(
    segments: Mapping[str, Mapping[str, Any]],
    resolution: int = MINUTE,
    cohorts: str = "day",
    *,
    lanes: int,
    **more: Any,
) -> Pipeline:
    """A pipeline whose segments are measured."""
    own = settings_of(segments, cohorts)
    catalog = Catalog.compile(own.features, GAP, read_beside(OUTCOMES))
    return Pipeline(catalog, own.segments, lanes, resolution, by_id=True, measured=own, **more)


def records_of(run: Pipeline | WallLane, parts: int = 1) -> list[OutcomeRecord]:
    """What Measure makes of the deltas, added up in so many parts."""
    assert run.measured is not None
    assert run.measured.outcomes is not None
    kept: dict[str, bytes] = {}
    newest: dict[str, OutcomeRecord] = {}
    for part in range(parts):
        totals = OutcomeTotals(Outcomes.of(run.measured.outcomes), kept)
        for delta in run.deltas[part::parts]:
            totals.add(decode(delta))
        newest |= {key: record for key, record in totals.take_changed(1) if not record.gone}
    return list(newest.values())


def expected(
    chosen: Iterable[Event],
    moves: Mapping[str, list[Move]],
    names: list[str],
    cohorts: str = "day",
    came: Mapping[int, int] | None = None,
) -> Worth:
    """The same by the oracle, by what the run said of memberships.

    `came` has when events came by the wall clock, by their positions.
    """
    worth = Worth(Asked(ASKED, {"view"}, OUTCOMES.funnel, cohorts, ["a", "b"]), names)
    told = [(event, came[at] if came else None) for at, event in enumerate(chosen)]
    for user in sorted({event.user for event, _ in told}):
        known = oracle_user(by_id=True)
        own = [each for each in told if each[0].user == user]
        assert all(known.add(event) for event, _ in own)  # none of the features has a last tile
        done = [
            Done(
                *(e.time, e.type, e.properties["price"], session, opened),
                *(e.properties["shop"], at),
            )
            for (e, at), session, opened in zip(own, known.sessions, known.opened, strict=True)
        ]
        worth.add(done, moves.get(user, []))
    return worth


def moves_of(run: Pipeline | WallLane) -> dict[str, list[Move]]:
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
            for name in ASKED
            for own in [found.outcomes.get(name, UserOutcome())]
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


def own_numbers(records: Iterable[OutcomeRecord], names: Iterable[str]) -> list[str]:
    """The records of some segments without what they say of others, and of the last digits."""
    kept = [each for each in records if each.name in set(names) and not _is_empty(each)]
    return sorted(
        str(_rounded(msgspec.to_builtins(each) | {"both": None, "version": None})) for each in kept
    )


def _is_empty(record: OutcomeRecord) -> bool:
    """Whether it is of a cohort whose users are all in others by now."""
    groups = (record.members, record.held_out, record.others)
    return all(isinstance(each, Cohort) and not each.users for each in groups)


def _rounded(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: _rounded(value) for name, value in told.items()}
    return round(told, 6) if isinstance(told, float) else told


def stock(
    records: Iterable[OutcomeRecord], segments: Mapping[str, Mapping[str, Any]], run: Pipeline
) -> dict[str, int]:
    """How many members there are by entries and exits of the series that hold."""
    assert run.measured is not None
    measured = run.measured
    assert measured.outcomes is not None
    specs = {name: msgspec.convert(spec, SegmentSpec) for name, spec in segments.items()}
    series = Series(measured.features, {}, measured.outcomes).of_segments(specs)
    found: Counter[str] = Counter()
    for each in records:
        if isinstance(each, DayOutcomes) and each.series == series.get(each.name):
            found[each.name] += each.entries - each.exits
    return dict(+found)


def held(move: Move, own: Iterable[Move]) -> Move:
    """What a move comes to for a user whose own moves are these."""
    if move.to == OTHERS or any(each.segment == move.segment for each in own):
        return move
    return Move(move.at, move.segment, HELD_OUT)
