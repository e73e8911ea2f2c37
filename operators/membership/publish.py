"""Verdicts as records: the assignments and transitions that others read."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from operators.frame import Frame, Kind
from operators.membership.members import CLUSTER, Verdicts
from operators.moments import iso
from operators.pages.table import UserTable
from operators.records import Assignment, Transition
from operators.rules.rulebook import Rulebook

Record = Assignment | Transition


def publish(
    verdicts: Verdicts,
    table: UserTable,
    rulebook: Rulebook,
    version: int,
    event_at_ms: int | None,
) -> Iterator[Record]:
    """The records of the users who changed: for each the transitions, then the assignment."""
    if not len(verdicts.changed):
        return
    changed = verdicts.changed
    now = iso(verdicts.frame.now_us[changed])
    segments = {name: segment for segment, name in enumerate(rulebook.names)}
    since = iso(verdicts.judgement.entered_us[changed].ravel())
    features = _features(verdicts.frame, changed)
    for position, at in enumerate(changed.tolist()):
        user = table.users[verdicts.rows[at]]
        member = verdicts.judgement.member[at]
        moved = np.flatnonzero(member != verdicts.before[at])
        why = {
            rulebook.names[segment]: verdicts.judgement.why(at, segment)
            for segment in np.flatnonzero(member).tolist()
        }
        for segment in moved.tolist():
            name = rulebook.names[segment]
            yield Transition(
                user=user,
                segment=name,
                kind="enter" if member[segment] else "leave",
                at=now[position],
                version=version,
                why=why[name] if member[segment] else verdicts.judgement.why(at, segment),
                rules=rulebook.version,
            )
        yield Assignment(
            user=user,
            version=version,
            updated_at=now[position],
            segments=sorted(why),
            since={name: since[position * len(segments) + segments[name]] for name in why},
            why=why,
            features=features[position],
            rules=rulebook.version,
            event_at=event_at_ms,
            cluster=_cluster(verdicts, at),
            distance=_finite(verdicts, "distance", at),
            margin=_finite(verdicts, "margin", at),
            model=verdicts.model,
        )


def _cluster(verdicts: Verdicts, at: int) -> int | None:
    cluster = verdicts.frame.row(CLUSTER)[at]
    return None if math.isnan(cluster) else int(cluster)


def _finite(verdicts: Verdicts, name: str, at: int) -> float | None:
    """The distance or margin of a user; None without a model, and where there is no margin."""
    if verdicts.nearest is None:
        return None
    number = float(getattr(verdicts.nearest, name)[at])
    return number if math.isfinite(number) else None


def _features(frame: Frame, positions: NDArray[np.int64]) -> list[dict[str, float | str | None]]:
    """The features of the users at these positions, as JSON has them."""
    names = [name for name in frame.columns if name != CLUSTER]
    columns = [_column(frame, name, positions) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _column(frame: Frame, name: str, positions: NDArray[np.int64]) -> list[float | str | None]:
    if frame.columns[name].kind is Kind.CATEGORY:
        return [frame.text(name, at) for at in positions.tolist()]
    numbers = frame.numbers(name)[positions].tolist()
    return [None if number != number else number for number in numbers]  # noqa: PLR0124
