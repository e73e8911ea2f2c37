"""What may be wrong with results, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from flink_job.queries.numbered import among, audiences_of, users_of
from flink_job.queries.recorded import UNKNOWN
from operators.base.arrays import Ints


class Inconsistency(StrEnum):
    """A kind of fault, by the name that programs know."""

    TRANSITION_REPEATED = "transition_repeated"
    ENTERED_TWICE = "entered_twice"
    LEFT_TWICE = "left_twice"
    ASSIGNMENT_NOT_NEWER = "assignment_not_newer"
    ASSIGNED_NOT_ENTERED = "assigned_not_entered"
    ENTERED_NOT_ASSIGNED = "entered_not_assigned"
    TOMBSTONE_MISSING = "tombstone_missing"
    STORE_USER_MISSING = "store_user_missing"
    STORE_USER_UNKNOWN = "store_user_unknown"
    STORE_ASSIGNMENT_DIFFERS = "store_assignment_differs"
    STORE_MEMBER_MISSING = "store_member_missing"
    STORE_MEMBER_UNKNOWN = "store_member_unknown"
    STORE_MEMBER_DIFFERS = "store_member_differs"
    STORE_TRANSITION_MISSING = "store_transition_missing"
    STORE_TRANSITION_UNKNOWN = "store_transition_unknown"
    STORE_FORGOTTEN_LEFT = "store_forgotten_left"


MEANINGS: Final[dict[Inconsistency, str]] = {
    Inconsistency.TRANSITION_REPEATED: "transitions are there again (same user, version, segment)",
    Inconsistency.ENTERED_TWICE: "`enter` records are of users who were in already",
    Inconsistency.LEFT_TWICE: "`leave` records are of users who were not in",
    Inconsistency.ASSIGNMENT_NOT_NEWER: "assignments are no newer than one before them",
    Inconsistency.ASSIGNED_NOT_ENTERED: "segments of newest assignments were not entered last",
    Inconsistency.ENTERED_NOT_ASSIGNED: "segments entered last are not in the newest assignments",
    Inconsistency.TOMBSTONE_MISSING: "forgotten users have no tombstone",
    Inconsistency.STORE_USER_MISSING: "users are missing in the store",
    Inconsistency.STORE_USER_UNKNOWN: "users in the store are not in the changelog",
    Inconsistency.STORE_ASSIGNMENT_DIFFERS: "assignments in the store are not the newest ones",
    Inconsistency.STORE_MEMBER_MISSING: "members are missing in the store",
    Inconsistency.STORE_MEMBER_UNKNOWN: "members in the store are none by the changelog",
    Inconsistency.STORE_MEMBER_DIFFERS: "members in the store have another version or `since`",
    Inconsistency.STORE_TRANSITION_MISSING: "transitions are missing in the store",
    Inconsistency.STORE_TRANSITION_UNKNOWN: "transitions in the store are not in the changelog",
    Inconsistency.STORE_FORGOTTEN_LEFT: "rows of forgotten users are left in the store",
}

# What the records say of each other stays so; all else may be a change that is under way.
LASTING: Final = {
    Inconsistency.TRANSITION_REPEATED,
    Inconsistency.ENTERED_TWICE,
    Inconsistency.LEFT_TWICE,
    Inconsistency.ASSIGNMENT_NOT_NEWER,
}


@dataclass
class Findings:
    """Faults by kind: user, audience, version each, int64[n, 3]; UNKNOWN where there is none.

    `behind` counts records that the store is yet to take, `unjudged` by reason what can't be
    judged.
    """

    faults: dict[Inconsistency, Ints] = field(default_factory=dict)
    behind: int = 0
    unjudged: dict[str, int] = field(default_factory=dict)

    def of_users(self, fault: Inconsistency, users: Ints, versions: Ints) -> None:
        """Add faults of users."""
        self._add(fault, np.stack([users, np.full_like(users, UNKNOWN), versions], axis=1))

    def of_pairs(self, fault: Inconsistency, pairs: Ints, versions: Ints) -> None:
        """Add faults of users and what they are in."""
        self._add(fault, np.stack([users_of(pairs), audiences_of(pairs), versions], axis=1))

    def leave_open(self, reason: str, count: int) -> None:
        """Note what can't be judged."""
        if count:
            self.unjudged[reason] = self.unjudged.get(reason, 0) + count

    def passing(self) -> int:
        """How many of the faults may be changes that are under way."""
        return sum(len(rows) for fault, rows in self.faults.items() if fault not in LASTING)

    def since(self, before: Findings) -> Findings:
        """Those that are still as they were, with all that does not pass."""
        found = Findings(behind=self.behind, unjudged=self.unjudged)
        for fault, rows in self.faults.items():
            if fault in LASTING:
                found._add(fault, rows)
            elif fault in before.faults:
                found._add(fault, rows[among(rows, before.faults[fault])])
        return found

    def _add(self, fault: Inconsistency, rows: Ints) -> None:
        if len(rows):
            held = self.faults.get(fault)
            self.faults[fault] = rows if held is None else np.concatenate([held, rows])
