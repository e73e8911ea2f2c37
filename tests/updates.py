"""What Profile tells Learn, made of plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.base.arrays import Floats
from operators.clustering.learning.sample import SampleUpdate
from operators.clustering.stored import to_bytes


def update_of(
    points: Floats,
    tickets: Sequence[int] | None = None,
    at_us: Sequence[int] | int = 0,
    gone: Sequence[int] = (),
) -> SampleUpdate:
    """Profiles float64[m, d] of users with these tickets, 0 to m - 1 if there are none."""
    own = np.arange(len(points)) if tickets is None else np.array(tickets, np.int64)
    moments = np.broadcast_to(np.array(at_us, np.int64), len(points))
    return SampleUpdate(
        own.astype(np.uint32).tobytes(),
        moments.tobytes(),
        to_bytes(np.asarray(points, np.float64)),
        np.array(gone, np.uint32).tobytes(),
    )


def updates_of(points: Floats, size: int, first: int = 0) -> list[SampleUpdate]:
    """Profiles of as many users, the first of whom has the ticket `first`, some at a time."""
    own = np.arange(first, first + len(points))
    starts = range(0, len(points), size)
    return [update_of(points[at : at + size], own[at : at + size].tolist()) for at in starts]
