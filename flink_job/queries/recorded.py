"""What a changelog says, as numbers to be checked."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import UTC
from typing import Final

import numpy as np

from flink_job.queries.numbered import Columns, NumberedTexts, pair, users_of
from flink_job.stores.audiences import audiences, segment_audience
from operators.base.arrays import Ints
from operators.base.moments import parse_moment_us
from operators.contracts.records import BEGAN_ANEW, Assignment, Transition, encode

Said = Transition | Assignment | str  # a text is the user of a record without a value

UNKNOWN: Final = -1
# What became of a user: known, told to be forgotten, or ended by a record without a value.
ALIVE: Final = 0
FORGOTTEN: Final = 1
ENDED: Final = 2

_CROWD: Final = 1_000_000  # rows of which most may be of older assignments


class Recorded:
    """Takes the records of a changelog as they come, those of each of its logs in order.

    A log is a partition of a topic, or a file; each has a number. Of assignments the newest of
    each user is kept, of transitions all. A transition takes 24 bytes, what a user is a member
    of 24 to 48, a user some 250 with their name: a million users of four segments and ten
    transitions each take 0.6 GB, and while they are compared with a store 2.5 GB in all.
    """

    def __init__(self) -> None:
        self.users = NumberedTexts()
        self.audiences = NumberedTexts()
        self.records = 0
        self.began_anew_us = UNKNOWN  # the job, last; versions are moments, too
        self.not_grown = Columns(3)  # user, UNKNOWN, version of assignments that come too late
        self._transitions = Columns(3)
        self._memberships = Columns(3)
        self._segments: set[str] = set()
        self._kept = _CROWD
        self._version, self._content = array("q"), array("q")
        self._log, self._place = array("q"), array("q")
        self._fate, self._forgotten = array("q"), array("q")

    def read(self, told: Iterable[tuple[int, Said]]) -> None:
        """Take records, each with the number of its log."""
        for log, record in told:
            self.records += 1
            if isinstance(record, Transition):
                self._move(log, record)
            elif isinstance(record, Assignment):
                self._assign(log, record)
            else:
                self._end(log, record)

    def transitions(self) -> Ints:
        """All of them: pair, version, 2 * log + whether it enters. int64[n, 3]."""
        return self._transitions.rows()

    def memberships(self) -> Ints:
        """What users are in by their newest assignments: pair, version, since. int64[n, 3]."""
        rows = self._memberships.rows()
        users = users_of(rows[:, 0])
        newest = (self.versions()[users] == rows[:, 1]) & (self.fates()[users] == ALIVE)
        current: Ints = rows[newest]
        return current

    def people(self) -> int:
        """How many users the assignments are of."""
        return int(np.sum(self.fates() != UNKNOWN))

    def segments(self) -> int:
        """How many segments the records are of."""
        return len(self._segments)

    def versions(self) -> Ints:
        """Of each user's newest assignment; UNKNOWN without one. By user, as all below."""
        return self._by_user(self._version)

    def contents(self) -> Ints:
        """What stands for all that the newest assignment says."""
        return self._by_user(self._content)

    def logs(self) -> Ints:
        """In which log the newest word about the user is."""
        return self._by_user(self._log)

    def places(self) -> Ints:
        """Which of all records that is; they grow within a log."""
        return self._by_user(self._place)

    def fates(self) -> Ints:
        """ALIVE, FORGOTTEN or ENDED; UNKNOWN of whom there are only transitions."""
        return self._by_user(self._fate)

    def forgotten(self) -> Ints:
        """The version up to which the user was forgotten; UNKNOWN for never, as far as told."""
        return self._by_user(self._forgotten)

    def _move(self, log: int, moved: Transition) -> None:
        if moved.why == [BEGAN_ANEW]:
            self.began_anew_us = max(self.began_anew_us, parse_moment_us(moved.at, UTC))
        user = self.users.number(moved.user)
        self._segments.add(moved.segment)
        segment = self.audiences.number(segment_audience(moved.segment))
        self._transitions.add(pair(user, segment), moved.version, 2 * log + (moved.kind == "enter"))

    def _assign(self, log: int, now: Assignment) -> None:
        user = self._known(now.user)
        before = self._version[user]
        if now.version == before or (now.version < before and log == self._log[user]):
            self.not_grown.add(user, UNKNOWN, now.version)
        if now.version <= before:
            return
        self._version[user], self._content[user] = now.version, content(now)
        self._word(log, user, FORGOTTEN if now.forgotten else ALIVE)
        if now.forgotten:
            self._forgotten[user] = now.version
            return
        self._segments.update(now.segments)
        for audience, since in audiences(now).items():
            number = self.audiences.number(audience)
            self._memberships.add(pair(user, number), now.version, moment(since))
        if len(self._memberships) > 2 * self._kept:
            self._drop_older()

    def _end(self, log: int, name: str) -> None:
        user = self._known(name)
        self._forgotten[user] = max(self._forgotten[user], self._version[user])
        self._word(log, user, ENDED)

    def _word(self, log: int, user: int, fate: int) -> None:
        self._log[user], self._place[user], self._fate[user] = log, self.records, fate

    def _known(self, name: str) -> int:
        user = self.users.number(name)
        missing = user + 1 - len(self._version)
        if missing > 0:
            for column in self._columns():
                column.extend([UNKNOWN] * missing)
        return user

    def _columns(self) -> tuple[array[int], ...]:
        return (
            *(self._version, self._content, self._log),
            *(self._place, self._fate, self._forgotten),
        )

    def _drop_older(self) -> None:
        rows = self._memberships.rows()
        self._memberships.keep(self.versions()[users_of(rows[:, 0])] == rows[:, 1])
        self._kept = max(len(self._memberships), _CROWD)

    def _by_user(self, column: array[int]) -> Ints:
        found = np.full(len(self.users), UNKNOWN, np.int64)
        found[: len(column)] = column
        return found


def content(assignment: Assignment) -> int:
    """What stands for all that an assignment says, in this process."""
    return hash(encode(assignment))


def moment(since: str | None) -> int:
    """What stands for a moment as a text, in this process."""
    return hash(since or "")
