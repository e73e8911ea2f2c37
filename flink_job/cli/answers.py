"""What is known of users, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flink_job.cli.shown import printable, rows
from flink_job.stores.base import Member
from operators.membership.sentence import sentence
from operators.records import Assignment, FeatureValue, Transition


def user_lines(found: Assignment, transitions: Sequence[Transition]) -> Iterator[str]:
    """All about one user, with why."""
    yield f"user         {printable(found.user)}"
    yield f"cluster      {_cluster(found)}"
    yield f"judged as of {found.updated_at}"
    model = "none" if found.model is None else str(found.model)
    yield f"versions     record {found.version}, rules {found.rules}, model {model}"
    yield ""
    yield from rows(("segment", "since", "why"), _segments(found))
    yield ""
    yield from rows(("feature", "value"), ((n, _value(v)) for n, v in found.features.items()))
    yield ""
    yield from rows(("newest transitions", "", "segment", "why"), map(_moved, transitions))


def why_lines(found: Assignment) -> Iterator[str]:
    """A sentence for each segment that a user is in, or held out of."""
    user = printable(found.user)
    for segment in (*found.segments, *found.held_out):
        yield f"{user} is {printable(sentence(found, segment))}."
    if not found.segments and not found.held_out:
        yield f"{user} is in no segment."


def member_lines(members: Iterable[Member]) -> Iterator[str]:
    """Users of a segment."""
    return rows(("user", "since"), ((member.user, member.since or "") for member in members))


def assignment_lines(assignments: Iterable[Assignment]) -> Iterator[str]:
    """A line for each user."""
    header = ("user", "cluster", "as of", "segments, since")
    return rows(header, map(_summary, assignments))


def _cluster(found: Assignment) -> str:
    if found.cluster is None:
        return "none"
    parts = [str(found.cluster)]
    if found.distance is not None:
        parts.append(f"distance {found.distance:.4g}")
    if found.margin is not None:
        parts.append(f"margin {found.margin:.4g} to the next")
    return ", ".join(parts)


def _segments(found: Assignment) -> Iterator[tuple[str, str, str]]:
    for segment in found.segments:
        why = " and ".join(found.why.get(segment, ()))
        yield segment, found.since.get(segment, ""), why
    for segment, since in found.held_out.items():
        yield segment, since, "held out, to compare with the members"
    if not found.segments and not found.held_out:
        yield "none", "", ""


def _value(value: FeatureValue) -> str:
    match value:
        case None:
            return "unknown"
        case str():
            return value
        case list():
            return ", ".join(value) or "none"
        case _:
            return f"{value:.6g}"


def _moved(transition: Transition) -> tuple[str, str, str, str]:
    why = " and ".join(transition.why)
    return transition.at, transition.kind, transition.segment, why


def _summary(found: Assignment) -> tuple[str, str, str, str]:
    cluster = "" if found.cluster is None else str(found.cluster)
    segments = ", ".join(f"{name} ({found.since.get(name, '?')})" for name in found.segments)
    return found.user, cluster, found.updated_at, segments
