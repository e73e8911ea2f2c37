"""The why of a segment or cluster as people would say it."""

from __future__ import annotations

from collections.abc import Sequence

from operators.contracts.records import Assignment, Belonging


def sentence(assignment: Assignment, segment: str) -> str:
    """How a user stands to a segment, as an assignment tells it.

    `in Engaged Buyers since 2026-11-25 10:03:12 UTC, because session_minutes = 7.2 (> 5) and
    product_views = 4 (> 3)`.
    """
    if segment in assignment.segments:
        since, why = assignment.since.get(segment), assignment.why.get(segment, [])
        because = f", because {_listed(why)}" if why else ""
        return f"in {segment}{_since(since)}{because}"
    if segment in assignment.held_out:
        since = assignment.held_out[segment]
        return f"held out of {segment}{_since(since)}, to compare with its members"
    return f"not in {segment}"


def cluster_sentence(belonging: Belonging, model: str) -> str:
    """Where a user belongs in a model.

    `in the cluster 'many views' (4) of shoppers, with a share of 83%, because views_7d = 12 (here
    14.2, next 3.1)`.
    """
    what = "an outlier of" if belonging.outlier else "in"
    where = f"{what} the cluster '{belonging.name}' ({belonging.cluster}) of {model}"
    because = f", because {_listed(belonging.why)}" if belonging.why else ""
    return f"{where}, with a share of {belonging.share:.0%}{because}{_kept(belonging)}"


def _kept(belonging: Belonging) -> str:
    margin = belonging.margin or 0.0
    return f"; the next is nearer by {-margin:.2g}, too little to leave" if margin < 0 else ""


def _since(moment: str | None) -> str:
    """`2026-11-25T10:03:12.000000Z` to the second, as people write it."""
    return f" since {moment[:19].replace('T', ' ')} UTC" if moment else ""


def _listed(reasons: Sequence[str]) -> str:
    *others, last = reasons
    return f"{', '.join(others)} and {last}" if others else last
