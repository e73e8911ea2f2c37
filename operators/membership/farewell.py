"""The last records of users who are forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from operators.base.moments import iso
from operators.contracts.records import Assignment, Transition
from operators.features.lifetime import Forgotten
from operators.membership.members import Members
from operators.membership.publish import Record
from operators.rules.standing import held_out, inside


def farewells(members: Members, forgotten: Forgotten, version: int) -> Iterator[Record]:
    """Of each user: a transition out of each segment, then an assignment that says so."""
    rulebook, standings = members.rulebook, members.standings(forgotten.rows)
    held = held_out(standings)
    member = inside(standings) if held is None else inside(standings) & ~held
    told = zip(forgotten.rows.tolist(), iso(forgotten.at_us), member, strict=True)
    for row, at, own in told:
        user = members.table.users[row]
        for segment in np.flatnonzero(own).tolist():
            name, why = rulebook.names[segment], [forgotten.why]
            yield Transition(user, name, "leave", at, version, why, rulebook.version)
        yield Assignment(user, version, at, [], rules=rulebook.version, forgotten=True)
