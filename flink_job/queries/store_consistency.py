"""Whether a store holds what the changelog says.

A store takes the records of each log in their order. So it is merely behind where it lacks
records that come after all that it has of their log; one that it lacks before that is a fault.
Where the newest record of a user or a log is concerned, a fault can't be told from that.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from flink_job.queries.consistency import Known, Moves
from flink_job.queries.faults import Findings, Inconsistency
from flink_job.queries.numbered import among, users_of
from flink_job.queries.recorded import ALIVE, UNKNOWN, Recorded
from flink_job.queries.stored import StoredRows
from operators.base.arrays import NEVER, Ints, Mask

_OLDER_ROWS: Final = (
    "transitions in the store that are older than those that are still in the topic"
)
_MAYBE_FORGOTTEN: Final = (
    "transitions that the store does not have, of users who may have been forgotten since"
)


def check_store(
    recorded: Recorded, stored: StoredRows, moves: Moves, known: Known, findings: Findings
) -> None:
    """Add what is wrong in a store."""
    late = _check_assignments(recorded, stored, findings)
    _check_members(recorded, stored, late, findings)
    _check_missing(recorded, stored, moves, known, findings)
    _check_unknown(recorded, stored, moves, late, known, findings)
    findings.behind += int(np.sum(late & (recorded.fates() == ALIVE)))
    findings.behind += int(np.sum(late & (recorded.fates() > ALIVE) & _with_rows(stored, late)))


def _check_assignments(recorded: Recorded, stored: StoredRows, findings: Findings) -> Mask:
    """Gives whose newest record the store may have yet to take, by user."""
    rows, fates, versions = stored.assignments(), recorded.fates(), recorded.versions()
    found = np.full(len(fates), UNKNOWN, np.int64)
    contents = found.copy()
    found[rows[:, 0]], contents[rows[:, 0]] = rows[:, 1], rows[:, 2]
    there, of_known, gone = found != UNKNOWN, fates == ALIVE, fates > ALIVE
    ahead = _ahead(recorded.logs(), recorded.places(), of_known & (found == versions))
    late: Mask = ((of_known & (found < versions)) | gone) & ahead
    differs = of_known & there & ((found != versions) | (contents != recorded.contents()))
    for fault, wrong, told in (
        (Inconsistency.STORE_USER_MISSING, of_known & ~there, versions),
        (Inconsistency.STORE_USER_UNKNOWN, (fates == UNKNOWN) & there, found),
        (Inconsistency.STORE_ASSIGNMENT_DIFFERS, differs, found),
        (Inconsistency.STORE_FORGOTTEN_LEFT, gone & there, found),
    ):
        users = np.flatnonzero(wrong & ~late)
        findings.of_users(fault, users, told[users])
    return late


def _check_members(recorded: Recorded, stored: StoredRows, late: Mask, findings: Findings) -> None:
    expected, found = recorded.memberships(), stored.members()
    expected = expected[~late[users_of(expected[:, 0])]]
    found = found[~late[users_of(found[:, 0])]]
    left = recorded.fates()[users_of(found[:, 0])] > ALIVE
    findings.of_pairs(Inconsistency.STORE_FORGOTTEN_LEFT, found[left, 0], found[left, 1])
    found = found[~left]
    there = np.isin(expected[:, 0], found[:, 0])
    for fault, rows in (
        (Inconsistency.STORE_MEMBER_MISSING, expected[~there]),
        (Inconsistency.STORE_MEMBER_UNKNOWN, found[~np.isin(found[:, 0], expected[:, 0])]),
        (Inconsistency.STORE_MEMBER_DIFFERS, expected[there & ~among(expected, found)]),
    ):
        findings.of_pairs(fault, rows[:, 0], rows[:, 1])


def _check_missing(
    recorded: Recorded, stored: StoredRows, moves: Moves, known: Known, findings: Findings
) -> None:
    """Transitions that the store should have."""
    found, wanted = stored.transitions(), _wanted(recorded, moves)
    there = among(_told(moves), found)
    missing = wanted & ~there & (moves.versions >= known.kept_since_us)
    # Users were forgotten then, and that may be gone from the changelog.
    missing &= moves.versions > recorded.began_anew_us
    ahead = _ahead(moves.logs, moves.places, wanted & there)
    if known.forgets:
        maybe = _maybe_forgotten(moves, missing, found, len(recorded.users))
        findings.leave_open(_MAYBE_FORGOTTEN, int(np.sum(maybe)))
        missing &= ~maybe
    findings.behind += int(np.sum(missing & ahead))
    missing &= ~ahead
    fault = Inconsistency.STORE_TRANSITION_MISSING
    findings.of_pairs(fault, moves.pairs[missing], moves.versions[missing])


def _maybe_forgotten(moves: Moves, missing: Mask, found: Ints, count: int) -> Mask:
    """Which of the missing may have gone with a forgotten user, whose last record is gone, too.

    Whoever is forgotten is in nothing then, and nothing of before stays in the store. There are
    `count` users.
    """
    oldest, in_nothing = _oldest(found[:, 0], found[:, 1] // 2, count), np.full(count, UNKNOWN)
    order = np.lexsort((moves.versions, users_of(moves.pairs)))
    users, versions = users_of(moves.pairs)[order], moves.versions[order]
    steps = np.cumsum(np.where(moves.enters[order], 1, -1))
    before = np.concatenate([[0], steps])[np.searchsorted(users, users)]  # of the users before
    last = np.append((np.diff(users) != 0) | (np.diff(versions) != 0), True)[: len(users)]
    may = last & (steps - before <= 0) & (versions < oldest[users])
    np.maximum.at(in_nothing, users[may], versions[may])
    maybe: Mask = missing & (moves.versions <= in_nothing[users_of(moves.pairs)])
    return maybe


def _check_unknown(
    recorded: Recorded,
    stored: StoredRows,
    moves: Moves,
    late: Mask,
    known: Known,
    findings: Findings,
) -> None:
    """Transitions that the store should not have."""
    rows = stored.transitions()
    rows = rows[~among(rows, _told(moves)[_wanted(recorded, moves)])]
    users, versions = users_of(rows[:, 0]), rows[:, 1] // 2
    fates, forgotten = recorded.fates()[users], recorded.forgotten()[users]
    # The record that said at which version a user was forgotten may be gone.
    of_before = (versions <= forgotten) | (fates > ALIVE)
    left = of_before & ~late[users]
    unknown = ~of_before
    if known.cut:
        oldest = _oldest(moves.pairs, moves.versions, len(recorded.users))
        older = unknown & (fates == ALIVE) & (versions <= oldest[users])
        findings.leave_open(_OLDER_ROWS, int(np.sum(older)))
        unknown &= ~older
    findings.of_pairs(Inconsistency.STORE_FORGOTTEN_LEFT, rows[left, 0], versions[left])
    findings.of_pairs(Inconsistency.STORE_TRANSITION_UNKNOWN, rows[unknown, 0], versions[unknown])


def _told(moves: Moves) -> Ints:
    """Transitions as the rows of a store have them."""
    return np.stack([moves.pairs, 2 * moves.versions + moves.enters], axis=1)


def _wanted(recorded: Recorded, moves: Moves) -> Mask:
    """Which transitions are of users as they are now: not of before they were forgotten."""
    users = users_of(moves.pairs)
    wanted: Mask = (recorded.fates()[users] == ALIVE) & (
        moves.versions > recorded.forgotten()[users]
    )
    return wanted


def _with_rows(stored: StoredRows, users: Mask) -> Mask:
    """Which of all users the store has rows of."""
    found = np.zeros(len(users), np.bool_)
    found[stored.assignments()[:, 0]] = True
    found[users_of(stored.members()[:, 0])] = True
    found[users_of(stored.transitions()[:, 0])] = True
    return found


def _ahead(logs: Ints, places: Ints, there: Mask) -> Mask:
    """Which records come after all that the store has of their log."""
    ends = np.full(int(logs.max(initial=UNKNOWN)) + 1, UNKNOWN, np.int64)
    np.maximum.at(ends, logs[there], places[there])
    ahead = np.zeros(len(logs), np.bool_)
    known = logs != UNKNOWN
    ahead[known] = places[known] > ends[logs[known]]
    return ahead


def _oldest(pairs: Ints, versions: Ints, count: int) -> Ints:
    """The lowest version of each user; NEVER without one."""
    oldest = np.full(count, NEVER, np.int64)
    np.minimum.at(oldest, users_of(pairs), versions)
    return oldest
