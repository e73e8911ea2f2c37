"""Verdicts as records: the assignments and transitions that others read.

Whoever comes to be held out, or no longer so, without having been a member, gets an assignment
that says so and no transition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Ints, Mask, Moments
from operators.base.frame import Frame, Kind
from operators.base.moments import iso
from operators.contracts.records import Assignment, Belonging, FeatureValue, Transition
from operators.membership.belonging import belongings, first_ids
from operators.membership.verdicts import Verdicts
from operators.pages.table import UserTable
from operators.rules.rulebook import Rulebook
from operators.rules.standing import entered_us

Record = Assignment | Transition
JsonColumn = list[FeatureValue]
_Value = TypeVar("_Value")


def publish(
    verdicts: Verdicts,
    table: UserTable,
    rulebook: Rulebook,
    versions: Ints,
    event_at_ms: int | None,
) -> Iterator[Record]:
    """The records of the users who changed: each time the transitions, the last time then the
    assignment. `versions` is int64[changed].
    """
    changed = verdicts.changed
    if not len(changed):
        return
    judgement, names = verdicts.judgement, rulebook.names
    users = [table.users[row] for row in verdicts.rows[changed].tolist()]
    now = iso(verdicts.frame.now_us[changed])
    people = judgement.people(changed)
    member = judgement.member[:, changed].T
    moved = _Rows(member != judgement.was_member[:, changed].T).segments()
    last = verdicts.last()
    assigned = _assigned(verdicts, np.flatnonzero(last), names)
    told = zip(users, now, versions.tolist(), people, moved, last.tolist(), strict=True)
    for position, (user, at, version, person, segments, is_last) in enumerate(told):
        found = next(assigned) if is_last else None
        own = found.segments if found else [x for x in segments if member[position, x]]
        why = dict(zip([names[x] for x in own], person.whys(own), strict=True))
        for segment in segments:
            name = names[segment]
            kind, reasons = ("enter", why[name]) if name in why else ("leave", person.why(segment))
            yield Transition(user, name, kind, at, version, reasons, rulebook.version)
        if found:
            yield Assignment(
                user=user,
                version=version,
                updated_at=at,
                segments=sorted(why),
                since=dict(zip(why, found.since, strict=True)),
                why=why,
                held_out=found.held_out,
                features=found.features,
                rules=rulebook.version,
                event_at=event_at_ms,
                cluster=found.cluster,
                clusters=found.clusters,
            )


@dataclass(frozen=True, slots=True)
class _Assigned:
    """What an assignment says beside the why; `segments` are indices, with the moments `since`."""

    segments: list[int]
    since: list[str]
    held_out: dict[str, str]
    features: dict[str, FeatureValue]
    cluster: int | None
    clusters: dict[str, Belonging]


def _assigned(verdicts: Verdicts, at: Ints, names: Sequence[str]) -> Iterator[_Assigned]:
    """The assignments of those at some positions of the changed."""
    changed, standings, judgement = verdicts.changed[at], verdicts.standings[at], verdicts.judgement
    member = judgement.member[:, changed].T
    rows = _Rows(member)
    inside = judgement.round.inside[:, changed].T
    return map(
        _Assigned,
        rows.segments(),
        rows.moments(standings),
        _held_out(inside & ~member, standings, names),
        _features(verdicts.frame, changed),
        first_ids(verdicts.clusters[changed]),
        belongings(verdicts.placed, changed, verdicts.clusters_since[at]),
    )


class _Rows:
    """What is set of bool[users, segments], user by user."""

    def __init__(self, flags: Mask) -> None:
        self._at = np.nonzero(flags)
        self._ends = np.cumsum(np.bincount(self._at[0], minlength=len(flags))).tolist()

    def segments(self) -> list[list[int]]:
        """For each user the indices of the segments."""
        return self._split(self._at[1].tolist())

    def moments(self, standings: Moments) -> list[list[str]]:
        """For each user when they entered those segments; many are entered at one moment."""
        moments_us = entered_us(standings[self._at]).tolist()
        distinct_us = np.array(list(set(moments_us)), np.int64)
        texts = dict(zip(distinct_us.tolist(), iso(distinct_us), strict=True))
        return self._split([texts[moment_us] for moment_us in moments_us])

    def _split(self, values: list[_Value]) -> list[list[_Value]]:
        starts = [0, *self._ends]
        return [values[start:end] for start, end in zip(starts, self._ends, strict=False)]


def _held_out(flags: Mask, standings: Moments, names: Sequence[str]) -> list[dict[str, str]]:
    """For each user the segments that they are held out of, with the moments since."""
    if not flags.any():
        return [{}] * len(flags)
    rows = _Rows(flags)
    return [
        {names[segment]: moment for segment, moment in zip(own, since, strict=True)}
        for own, since in zip(rows.segments(), rows.moments(standings), strict=True)
    ]


def _features(frame: Frame, positions: Ints) -> list[dict[str, FeatureValue]]:
    """The features of the users at these positions, as JSON has them."""
    names = list(frame.columns)
    columns = [_column(frame, name, positions) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(frame: Frame, name: str, positions: NDArray[np.int64]) -> JsonColumn:
    if frame.columns[name].kind is Kind.CATEGORY:
        codes = frame.row(name)[positions].tolist()
        text = frame.dictionary.text
        return [None if code != code else text(int(code)) for code in codes]  # noqa: PLR0124
    if frame.columns[name].kind is Kind.LIST:
        return [frame.texts(name, at) for at in positions.tolist()]
    numbers = frame.numbers(name)[positions].tolist()
    return [None if number != number else number for number in numbers]  # noqa: PLR0124
