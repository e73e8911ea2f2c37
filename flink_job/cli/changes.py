"""What a new version of the segments changes, and how many members that touches, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from flink_job.cli.shown import printable
from flink_job.control.differences import Difference
from flink_job.control.status import VersionProgress

_SIGNS: Final = {"added": "+", "changed": "~", "removed": "-"}


def difference_lines(
    changes: Sequence[Difference], progress: VersionProgress | None
) -> Iterator[str]:
    """A line for each segment, with its members now, and one that says as of when that is.

    `progress` is that of the version that held before; None where no job was started.
    """
    members = progress.members if progress else None
    for change in changes:
        count = None if members is None else members.get(change.name)
        told = "" if count is None else f" ({count:,} members)"
        what = f"{_SIGNS[change.kind]} {change.kind} '{change.name}'{told}"
        yield printable(f"{what}: {'; '.join(change.fields)}")
    if all(change.kind == "added" for change in changes):
        return
    if members is None or progress is None:
        yield f"  how many members they have is not known: {_why_not(progress)}"
    else:
        yield f"  members: {progress.as_of()}"


def members_lines(changes: Sequence[Difference], judged: VersionProgress) -> Iterator[str]:
    """How many members segments have once everyone is judged by the version that changed them."""
    members = judged.members or {}
    told = [f"'{x.name}' {members[x.name]:,}" for x in changes if x.name in members]
    if told:
        yield printable(f"  members now: {', '.join(told)}")


def _why_not(progress: VersionProgress | None) -> str:
    if progress is None:
        return "no job was started yet"
    if progress.users is None:
        return "the job has not told since it was started"
    return "the job is still judging by the version before"
