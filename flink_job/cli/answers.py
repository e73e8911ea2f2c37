"""What is known of users, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flink_job.cli.shown import printable, rows
from flink_job.stores.base import Member
from operators.contracts.records import Assignment, Belonging, FeatureValue, Transition
from operators.membership.sentence import cluster_sentence, sentence

_CLUSTERS: Final = ("model", "cluster", "since", "share", "distance", "margin", "outlier", "why")
_NOT_KEPT: Final = "not kept"  # by the flockwise that put the user into a cluster


def user_lines(found: Assignment, transitions: Sequence[Transition]) -> Iterator[str]:
    """All about one user, with why."""
    yield f"user         {printable(found.user)}"
    yield f"judged as of {found.updated_at}"
    yield f"versions     {_versions(found)}"
    yield ""
    yield from rows(_CLUSTERS, _clusters(found))
    yield ""
    yield from rows(("segment", "since", "why"), _segments(found))
    yield ""
    yield from rows(("feature", "value"), ((n, _value(v)) for n, v in found.features.items()))
    yield ""
    yield from rows(("newest transitions", "", "segment", "why"), map(_moved, transitions))


def why_lines(found: Assignment) -> Iterator[str]:
    """A sentence for each segment that a user is in, or held out of, and for each cluster."""
    user = printable(found.user)
    for segment in (*found.segments, *found.held_out):
        yield f"{user} is {printable(sentence(found, segment))}."
    if not found.segments and not found.held_out:
        yield f"{user} is in no segment."
    for model, belonging in found.clusters.items():
        yield f"{user} is {printable(cluster_sentence(belonging, model))}."


def member_lines(members: Iterable[Member]) -> Iterator[str]:
    """Users of a segment or cluster."""
    header = ("user", "since")
    return rows(header, ((member.user, member.since or _NOT_KEPT) for member in members))


def assignment_lines(assignments: Iterable[Assignment]) -> Iterator[str]:
    """A line for each user."""
    header = ("user", "cluster", "as of", "segments, since")
    return rows(header, map(_summary, assignments))


def _versions(found: Assignment) -> str:
    models = (f", {model} {own.model}" for model, own in found.clusters.items())
    return f"record {found.version}, rules {found.rules}{''.join(models)}"


def _clusters(found: Assignment) -> Iterator[tuple[str, ...]]:
    yield from (_cluster(*each) for each in found.clusters.items())
    if not found.clusters:
        yield "none", *[""] * (len(_CLUSTERS) - 1)


def _cluster(model: str, own: Belonging) -> tuple[str, ...]:
    margin = "" if own.margin is None else f"{own.margin:.4g}"
    outlier = "yes" if own.outlier else ""
    why = " and ".join(own.why)
    return (
        *(model, f"{own.name} ({own.cluster})", own.since or _NOT_KEPT, f"{own.share:.0%}"),
        *(f"{own.distance:.4g}", margin, outlier, why),
    )


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
    cluster = ", ".join(f"{own.name} ({own.cluster})" for own in found.clusters.values())
    segments = ", ".join(f"{name} ({found.since.get(name, '?')})" for name in found.segments)
    return found.user, cluster, found.updated_at, segments
