"""Groups of segments: a user is in one of them at most, in that which comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask
from operators.rules.segment import Segment

Mistake = tuple[str, str, str]  # segment, field, what is wrong there


def by_group(segments: Sequence[Segment]) -> Mapping[str, list[Segment]]:
    """The segments of each group, as they come."""
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        if segment.group is not None:
            groups.setdefault(segment.group, []).append(segment)
    return groups


def problems_of_groups(segments: Sequence[Segment]) -> Iterator[Mistake]:
    """Priorities that don't say which of two segments comes first."""
    for group, members in by_group(segments).items():
        owners: dict[int, str] = {}
        for segment in members:
            owner = owners.setdefault(segment.priority, segment.name)
            if owner != segment.name:
                expected = f"expected a priority of its own in the group {group}"
                found = f"found {segment.priority}, which is that of {owner}"
                yield segment.name, "priority", f"{expected}, {found}"


@dataclass(frozen=True)
class Group:
    """The segments of one group that are judged together.

    `rows` has their rows among those, highest priority first, `paused` the rows of the paused
    ones among all segments.
    """

    rows: NDArray[np.intp]
    paused: NDArray[np.intp]

    def decide(self, inside: Mask, locked: Mask, all_inside: Mask) -> Mask:
        """Leave every user in one segment at most; bool[rows, n]: who is there only as locked.

        `inside` is bool[segments, n], changed in place; `locked` has those who can't leave yet,
        who keep their place, and `all_inside` the paused segments, whose members do so, too.
        """
        wanted = inside[self.rows]
        fixed = wanted & locked[self.rows]
        first = wanted.argmax(axis=0)
        chosen = np.where(fixed.any(axis=0), fixed.argmax(axis=0), first)
        users = np.flatnonzero(wanted.any(axis=0) & ~all_inside[self.paused].any(axis=0))
        decided = np.zeros_like(wanted)
        decided[chosen[users], users] = True
        inside[self.rows] = decided
        outranked: Mask = decided & (first < chosen)
        return outranked
