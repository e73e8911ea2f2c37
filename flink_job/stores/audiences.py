"""What users are members of: segments, and the clusters of models, each by a text of its own."""

from __future__ import annotations

from operators.contracts.records import Assignment


def segment_audience(name: str) -> str:
    """The text that stands for a segment."""
    return f"segment {name}"


def cluster_audience(model: str, cluster: int) -> str:
    """The text that stands for a cluster of a model, by its id."""
    return f"cluster {model} {cluster}"


def audiences(assignment: Assignment) -> dict[str, str | None]:
    """All that a user is a member of, with the moment of entering where it is known."""
    segments = {segment_audience(x): assignment.since.get(x) for x in assignment.segments}
    clusters = {
        cluster_audience(x, own.cluster): own.since for x, own in assignment.clusters.items()
    }
    return {**segments, **clusters}
