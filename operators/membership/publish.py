"""Verdicts as records: the assignments and transitions that others read.

Whoever comes to be held out, or no longer so, without having been a member, gets an assignment
that says so and no transition.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from operators.events.batch import Mask
from operators.frame import Floats, Frame, Kind, Moments
from operators.membership.members import CLUSTER, Verdicts
from operators.moments import iso
from operators.pages.sets import Ints
from operators.pages.table import UserTable
from operators.records import Assignment, Transition
from operators.rules.rulebook import Rulebook
from operators.rules.standing import entered_us

Record = Assignment | Transition
JsonColumn = list[float | str | None]


def publish(
    verdicts: Verdicts,
    table: UserTable,
    rulebook: Rulebook,
    version: int,
    event_at_ms: int | None,
) -> Iterator[Record]:
    """The records of the users who changed: for each the transitions, then the assignment."""
    changed = verdicts.changed
    if not len(changed):
        return
    told = _Told(verdicts, rulebook)
    nearest = verdicts.nearest
    features = _features(verdicts.frame, changed)
    clusters = verdicts.frame.row(CLUSTER)[changed].tolist()
    distances = _finite(nearest and nearest.distance[changed], len(changed))
    margins = _finite(nearest and nearest.margin[changed], len(changed))
    for position, row in enumerate(verdicts.rows[changed].tolist()):
        user, now, why = table.users[row], told.now[position], told.why[position]
        for name, kind, reasons in told.moves[position]:
            yield Transition(user, name, kind, now, version, reasons, rulebook.version)
        cluster = clusters[position]
        yield Assignment(
            user=user,
            version=version,
            updated_at=now,
            segments=sorted(why),
            since=told.since[position],
            why=why,
            held_out=told.held_out[position],
            features=features[position],
            rules=rulebook.version,
            event_at=event_at_ms,
            cluster=int(cluster) if cluster == cluster else None,  # noqa: PLR0124
            distance=distances[position],
            margin=margins[position],
            model=verdicts.model,
        )


class _Told:
    """What there is to tell of each user who changed, of segments by name."""

    def __init__(self, verdicts: Verdicts, rulebook: Rulebook) -> None:
        judgement, changed, names = verdicts.judgement, verdicts.changed, rulebook.names
        people = judgement.people(changed)
        self.now = iso(verdicts.frame.now_us[changed])
        self.why: list[dict[str, list[str]]] = [{} for _ in people]
        self.since: list[dict[str, str]] = [{} for _ in people]
        self.held_out: list[dict[str, str]] = [{} for _ in people]
        self.moves: list[list[tuple[str, str, list[str]]]] = [[] for _ in people]
        member = judgement.member[:, changed].T
        for position, segment, moment in _moments(member, verdicts.words):
            self.why[position][names[segment]] = people[position].why(segment)
            self.since[position][names[segment]] = moment
        held_out = judgement.held_out[:, changed].T
        for position, segment, moment in _moments(held_out, verdicts.words):
            self.held_out[position][names[segment]] = moment
        for position, segment in _pairs(member != judgement.was_member[:, changed].T):
            name, entered = names[segment], self.why[position].get(names[segment])
            kind = "leave" if entered is None else "enter"
            reasons = people[position].why(segment) if entered is None else entered
            self.moves[position].append((name, kind, reasons))


def _moments(flags: Mask, words: Moments) -> Iterator[tuple[int, int, str]]:
    """The positions and segments that are set, with the moments of entering."""
    moments = iso(entered_us(words[flags]))
    for (position, segment), moment in zip(_pairs(flags), moments, strict=True):
        yield position, segment, moment


def _pairs(flags: Mask) -> Iterator[tuple[int, int]]:
    """The positions and segments that are set, in their order."""
    positions, segments = np.nonzero(flags)
    return zip(positions.tolist(), segments.tolist(), strict=True)


def _finite(numbers: Floats | None, count: int) -> list[float | None]:
    """Distances or margins as JSON has them; None without a model, and where there is none."""
    if numbers is None:
        return [None] * count
    return [
        number if known else None
        for number, known in zip(numbers.tolist(), np.isfinite(numbers).tolist(), strict=True)
    ]


def _features(frame: Frame, positions: Ints) -> list[dict[str, float | str | None]]:
    """The features of the users at these positions, as JSON has them."""
    names = [name for name in frame.columns if name != CLUSTER]
    columns = [_column(frame, name, positions) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(frame: Frame, name: str, positions: NDArray[np.int64]) -> JsonColumn:
    if frame.columns[name].kind is Kind.CATEGORY:
        codes = frame.row(name)[positions].tolist()
        text = frame.dictionary.text
        return [None if code != code else text(int(code)) for code in codes]  # noqa: PLR0124
    numbers = frame.numbers(name)[positions].tolist()
    return [None if number != number else number for number in numbers]  # noqa: PLR0124
