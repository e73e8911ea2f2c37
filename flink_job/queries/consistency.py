"""Whether the records of a changelog agree with each other.

By version, `enter` and `leave` alternate for each user and segment, beginning with `enter`, and a
user's newest assignment has the segments that were entered last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from flink_job.queries.faults import Findings, Inconsistency
from flink_job.queries.numbered import audiences_of
from flink_job.queries.recorded import FORGOTTEN, Recorded
from flink_job.stores.audiences import segment_audience
from operators.base.arrays import Ints, Mask

_BEFORE_ALL: Final = "memberships that began before the oldest transition that is still there"


@dataclass(frozen=True)
class Known:
    """What is known of a changelog and its store beside the records.

    `cut`: the oldest transitions are gone. `tombstones`: a forgotten user's last record is
    followed by one without a value, and may go itself. `forgets`: users may be forgotten.
    `kept_since_us`: older transitions may be gone from the store.
    """

    cut: bool = False
    tombstones: bool = False
    forgets: bool = False
    kept_since_us: int = 0


@dataclass(frozen=True)
class Moves:
    """Transitions by pair and version, each once. All are int64[n] or bool[n].

    `places` are those of the records among all transitions, `last` says whether it is the pair's
    last one.
    """

    pairs: Ints
    versions: Ints
    enters: Mask
    logs: Ints
    places: Ints
    last: Mask


def check_changelog(recorded: Recorded, known: Known, findings: Findings) -> Moves:
    """Add what is wrong in a changelog; gives its transitions for what else is to be checked."""
    not_grown = recorded.not_grown.rows()
    findings.of_users(Inconsistency.ASSIGNMENT_NOT_NEWER, not_grown[:, 0], not_grown[:, 2])
    moves = _check_order(recorded.transitions(), known, findings)
    _check_newest(recorded, moves, known, findings)
    if known.tombstones:
        without = np.flatnonzero(recorded.fates() == FORGOTTEN)
        findings.of_users(Inconsistency.TOMBSTONE_MISSING, without, recorded.forgotten()[without])
    return moves


def _check_order(rows: Ints, known: Known, findings: Findings) -> Moves:
    places = np.lexsort((rows[:, 1], rows[:, 0]))
    rows = rows[places]
    again = _as_before(rows[:, 0]) & _as_before(rows[:, 1])
    findings.of_pairs(Inconsistency.TRANSITION_REPEATED, rows[again, 0], rows[again, 1])
    rows, places = rows[~again], places[~again]
    pairs, versions, enters = rows[:, 0], rows[:, 1], rows[:, 2] % 2 == 1
    first = ~_as_before(pairs)
    was_in = ~first
    was_in[1:] &= enters[:-1]
    twice, not_in = enters & was_in, ~enters & ~was_in
    findings.of_pairs(Inconsistency.ENTERED_TWICE, pairs[twice], versions[twice])
    if known.cut:
        findings.leave_open(_BEFORE_ALL, int(np.sum(not_in & first)))
        not_in &= ~first
    findings.of_pairs(Inconsistency.LEFT_TWICE, pairs[not_in], versions[not_in])
    last = np.append(first[1:], True) if len(first) else first
    return Moves(pairs, versions, enters, rows[:, 2] // 2, places, last)


def _check_newest(recorded: Recorded, moves: Moves, known: Known, findings: Findings) -> None:
    rows = recorded.memberships()
    rows = rows[_of_segments(recorded, rows[:, 0])]
    inside = moves.last & moves.enters
    not_entered = ~np.isin(rows[:, 0], moves.pairs[inside])
    if known.cut:
        never_told = not_entered & ~np.isin(rows[:, 0], moves.pairs)
        findings.leave_open(_BEFORE_ALL, int(np.sum(never_told)))
        not_entered &= ~never_told
    findings.of_pairs(
        Inconsistency.ASSIGNED_NOT_ENTERED, rows[not_entered, 0], rows[not_entered, 1]
    )
    inside &= ~np.isin(moves.pairs, rows[:, 0])
    findings.of_pairs(
        Inconsistency.ENTERED_NOT_ASSIGNED, moves.pairs[inside], moves.versions[inside]
    )


def _of_segments(recorded: Recorded, pairs: Ints) -> Mask:
    of_segment = [text.startswith(segment_audience("")) for text in recorded.audiences.texts()]
    found: Mask = np.array(of_segment, np.bool_)[audiences_of(pairs)]
    return found


def _as_before(column: Ints) -> Mask:
    """Whether each number is that before it."""
    same = np.zeros(len(column), np.bool_)
    same[1:] = column[1:] == column[:-1]
    return same
