"""What an analyst writes about one segment."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

# As large as 64 bits allow: larger numbers can't be sent on.
_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class SegmentSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is in a segment.

    `when` says who enters it. `leave_when` says who leaves it; without it, whoever `when` is
    not true for. `min_dwell` is the shortest stay, as a duration such as 5m, and `cooldown` the
    shortest time between leaving and entering again. `members` are users who are in without
    any condition.

    Nobody is in outside of [`from`, `until`), ISO 8601 dates or times in `zone` (an IANA name)
    unless they have an offset. A user is in one segment of a `group` at most: in the one with
    the highest `priority`. A `holdout` such as 10% is the share of users who don't count as
    members. A `paused` segment keeps its members. `description` and `owner` are free texts.
    """

    when: str | None = None
    leave_when: str | None = None
    min_dwell: str | None = None
    cooldown: str | None = None
    members: tuple[str | _Number, ...] = ()
    opens: str | None = msgspec.field(default=None, name="from")
    until: str | None = None
    zone: str = "UTC"
    group: str | None = None
    priority: _Number = 0
    holdout: str | None = None
    paused: bool = False
    description: str | None = None
    owner: str | None = None


RETIRED: Final = SegmentSpec(when="FALSE")  # what is left of a deleted one until all have left
