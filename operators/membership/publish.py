"""Verdicts as records: the assignments and transitions that others read.

Whoever comes to be held out, or no longer so, without having been a member, gets an assignment
that says so and no transition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

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
Value = TypeVar("Value")


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
    judgement, names = verdicts.judgement, rulebook.names
    nearest = verdicts.nearest
    now = iso(verdicts.frame.now_us[changed])
    features = _features(verdicts.frame, changed)
    clusters = verdicts.frame.row(CLUSTER)[changed].tolist()
    distances = _finite(nearest and nearest.distance[changed], len(changed))
    margins = _finite(nearest and nearest.margin[changed], len(changed))
    member = judgement.member[:, changed].T
    moved = _indices(member != judgement.was_member[:, changed].T)
    members, since = _indices(member), _moments(member, verdicts.words)
    held_out = _held_out(judgement.held_out[:, changed].T, verdicts.words, names)
    people = judgement.people(changed)
    for position, row in enumerate(verdicts.rows[changed].tolist()):
        user, person, segments = table.users[row], people[position], members[position]
        own = [names[segment] for segment in segments]
        why = dict(zip(own, map(person.why, segments), strict=True))
        for segment in moved[position]:
            name = names[segment]
            kind, reasons = ("enter", why[name]) if name in why else ("leave", person.why(segment))
            yield Transition(user, name, kind, now[position], version, reasons, rulebook.version)
        cluster = clusters[position]
        yield Assignment(
            user=user,
            version=version,
            updated_at=now[position],
            segments=sorted(own),
            since=dict(zip(own, since[position], strict=True)),
            why=why,
            held_out=held_out[position],
            features=features[position],
            rules=rulebook.version,
            event_at=event_at_ms,
            cluster=int(cluster) if cluster == cluster else None,  # noqa: PLR0124
            distance=distances[position],
            margin=margins[position],
            model=verdicts.model,
        )


def _indices(flags: Mask) -> list[list[int]]:
    """For each user the segments that are set, of bool[users, segments]."""
    return _split(np.nonzero(flags)[1].tolist(), flags)


def _moments(flags: Mask, words: Moments) -> list[list[str]]:
    """For each user when they entered the segments that are set."""
    return _split(iso(entered_us(words[flags])), flags)


def _held_out(flags: Mask, words: Moments, names: Sequence[str]) -> list[dict[str, str]]:
    """For each user the segments that they are held out of, with the moments since."""
    if not flags.any():
        return [{}] * len(flags)
    both = zip(_indices(flags), _moments(flags, words), strict=True)
    return [
        {names[segment]: moment for segment, moment in zip(own, since, strict=True)}
        for own, since in both
    ]


def _split(values: list[Value], flags: Mask) -> list[list[Value]]:
    """Values of all that is set, row by row, as a list for each row."""
    ends = np.cumsum(np.count_nonzero(flags, axis=1)).tolist()
    return [values[start:end] for start, end in zip([0, *ends], ends, strict=False)]


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
