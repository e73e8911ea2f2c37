"""The why of a membership as people would say it."""

from __future__ import annotations

from collections.abc import Sequence

from operators.records import Assignment


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


def _since(moment: str | None) -> str:
    """`2026-11-25T10:03:12.000000Z` to the second, as people write it."""
    return f" since {moment[:19].replace('T', ' ')} UTC" if moment else ""


def _listed(reasons: Sequence[str]) -> str:
    *others, last = reasons
    return f"{', '.join(others)} and {last}" if others else last
