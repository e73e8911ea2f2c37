"""What an analyst writes about one segment."""

from __future__ import annotations

import msgspec


class SegmentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is in a segment.

    `when` says who enters it. `leave_when` says who leaves it; without it, whoever `when` is
    not true for. `min_dwell` is the shortest stay, as a duration such as 5m.
    """

    when: str
    leave_when: str | None = None
    min_dwell: str | None = None
