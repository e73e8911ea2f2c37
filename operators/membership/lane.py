"""One lane as it is judged: as evaluations come, as time passes, and as the segments change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Rows, without
from operators.contracts.control.messages import Segments
from operators.contracts.records import Counts
from operators.contracts.wire import Evaluations
from operators.membership.clusterings import Models
from operators.membership.collected import Collected
from operators.membership.members import Members
from operators.outcomes.delta import Delta
from operators.rules.spec import RETIRED, SegmentSpec

_PREVIEWED: Final = 4_096  # users at a time: what they are judged by takes memory
_SWEEP: Final = "sweep_row"
_AWAITED: Final = "awaited"  # there while Profile is to send everyone first
_NOBODY: Final[Rows] = np.zeros(0, np.int64)
_UNASSIGNED: Final = 2_048  # users a message who are given their first cluster, though idle


class LaneRules(msgspec.Struct, frozen=True):
    """The segments by which a lane judges, and those that were deleted but have members yet."""

    segments: Segments
    retired: tuple[str, ...] = ()

    @classmethod
    def by(cls, kept: LaneRules | None, newest: Segments) -> LaneRules:
        """The rules of a lane that judged by others when its state was written, or has none."""
        if kept is None:
            return cls(newest)
        newer = newest.version > kept.segments.version
        return kept.followed_by(newest) if newer else kept

    def specs(self) -> dict[str, SegmentSpec]:
        """All that are judged, by name."""
        return {**self.segments.segments, **dict.fromkeys(self.retired, RETIRED)}

    def followed_by(self, newer: Segments) -> LaneRules:
        """The rules once another version holds."""
        return LaneRules(newer, tuple(name for name in self.specs() if name not in newer.segments))


class Lane:
    """The users of a lane, and the rules that hold for them.

    A new version of the segments holds at once; everyone who is not touched meanwhile is judged
    by it in a sweep, whose place stands in the journal's head.

    Args:
        rules: those by which the lane judged last.
        members_by: makes empty members for rules.
        clock: tells the wall clock in microseconds since 1970, for the versions of records.
    """

    def __init__(
        self,
        rules: LaneRules,
        members_by: Callable[[LaneRules], Members],
        clock: Callable[[], int],
    ) -> None:
        self.rules = rules
        self.members = members_by(rules)
        self._members_by = members_by
        self._clock = clock

    def take(self, newer: Segments) -> bool:
        """Go over to a version of the segments; False if it is not newer.

        All of the state is to be written anew: see `Journal.adopt`.
        """
        if newer.version <= self.rules.segments.version:
            return False
        self._move(self.rules.followed_by(newer))
        self.begin_sweep()
        self.settle()
        return True

    def expect_columns(self) -> bool:
        """Wait for evaluations where features have changed; they take the place of a sweep.

        True says that there is something to commit.
        """
        waits = self.members.expect_columns()
        if waits:
            self.members.journal.head.pop(_SWEEP, None)
            self.members.journal.head[_AWAITED] = 1
        return waits

    def expect_clusters(self) -> None:
        """Have everyone judged anew where the configuration has other cluster models."""
        if self.members.expect_clusters():
            self.begin_sweep()

    def expect_series(self) -> None:
        """Have everyone judged anew where segments are measured by other series than before."""
        if self.members.expect_series():
            self.begin_sweep(awaits=self.awaits)

    def begin_sweep(self, *, awaits: bool = False) -> None:
        """Have everyone judged anew, if there is anyone; maybe after Profile has sent everyone."""
        head = self.members.journal.head
        if len(self.members.table):
            head[_SWEEP] = 0
            if awaits:
                head[_AWAITED] = 1
                self.members.wait()

    @property
    def awaits(self) -> bool:
        """Whether nobody is to be judged before Profile has sent everyone's other columns."""
        return _AWAITED in self.members.journal.head

    @property
    def swept(self) -> int | None:
        """How many users of the table a sweep under way is done with; None without one."""
        row = self.members.journal.head.get(_SWEEP)
        return None if row is None else int(np.searchsorted(self.members.everyone(), row))

    @property
    def judged(self) -> int:
        """How many users are judged by the rules that hold, and by the features that there are."""
        if self.awaits:
            return 0
        swept = self.swept
        return len(self.members.table) if swept is None else swept

    def counts(self) -> dict[str, int] | None:
        """How many members each segment has; None before everyone is judged by the rules."""
        if self.judged < len(self.members.table):
            return None
        found = self.members.counts()
        return {name: found[name] for name in self.rules.segments.segments}

    def judge(self, evaluations: Evaluations, models: Models) -> Collected:
        """Judge who was evaluated and who is due, and some idle users without a cluster.

        Who is forgotten leaves everything. By the event clock idle users have their cluster to
        come in their own time.
        """
        members, time, forgotten = self.members, evaluations.time, evaluations.forgotten
        brought, by_wall = evaluations.brought, isinstance(time, int)
        if evaluations.rounds:
            members.journal.head.pop(_AWAITED, None)  # Profile sends everyone with the first
        idle = self._idle(models) if by_wall else _NOBODY
        account, others = members.account, idle
        collected = Collected(self._clock, evaluations.event_at_ms, account)
        settles = account is not None and len(forgotten) > 0  # before their rows are free
        if account:
            account.open(brought, now=by_wall)
            if brought and not by_wall:  # by the wall clock they are evaluated in any case
                others = np.union1d(others, brought.rows)
            others = np.union1d(others, account.rows) if settles else others
        done = [forgotten.rows]
        for verdicts in members.judge(evaluations.rounds, models, time, forgotten, others):
            collected.add(members, verdicts)
            done.append(verdicts.rows)
        if isinstance(time, int) and len(idle := without(idle, np.concatenate(done))):
            collected.add(members, members.again(idle, members.not_before(idle, time), models))
        collected.forget(members, forgotten)
        collected.close(settles=settles)
        members.journal.free(forgotten.rows)
        return collected

    def _idle(self, models: Models) -> Rows:
        """Some who have no cluster yet, or one that is gone; not before features are as asked."""
        ready = models and not self.awaits
        return self.members.unassigned(models, _UNASSIGNED) if ready else _NOBODY

    def everyone(self, now_us: int, models: Models) -> Collected:
        """Judge everyone at a moment, however late it is."""
        members = self.members
        rows = members.everyone()
        members.journal.begin(rows)
        collected = Collected(self._clock, account=members.account)
        collected.add(members, members.again(rows, np.full(len(rows), now_us), models))
        collected.close()
        return collected

    def sweep(self, now_us: int | None, models: Models, most: int) -> Collected:
        """Go on with the sweep by up to `most` users; without a moment, each where they are."""
        members = self.members
        head = members.journal.head
        left = members.everyone()
        left = left[left >= head[_SWEEP]]
        rows = members.evaluated(left[:most])
        members.journal.begin(rows)
        collected = Collected(self._clock, account=members.account)
        if len(rows):
            at_us = members.not_before(rows, now_us or 0)
            collected.add(members, members.again(rows, at_us, models))
        collected.close()
        if len(left) > most:
            head[_SWEEP] = int(left[most])
        else:
            del head[_SWEEP]
        return collected

    def settle_account(self) -> Delta | None:
        """What is noted of outcomes comes to; to be committed. No rules may move on before."""
        account = self.members.account
        if account is None:
            return None
        self.members.journal.begin(account.rows)
        return account.settle()

    def settle(self) -> bool:
        """Forget deleted segments after a sweep; True says that the state is to be written anew."""
        if self.swept is not None or not self.rules.retired:
            return False
        self._move(LaneRules(self.rules.segments))
        return True

    def preview(
        self, segments: dict[str, SegmentSpec], now_us: int | None, models: Models
    ) -> dict[str, Counts]:
        """What judging everyone by other segments would come to, by segment. Nothing changes."""
        version = self.rules.segments.version + 1
        trial = self._members_by(self.rules.followed_by(Segments(version, segments)))
        trial.journal.adopt(self.members.journal)
        names = trial.rulebook.names
        total = np.zeros((len(names), 3), np.int64)
        rows = trial.everyone()
        for start in range(0, len(rows), _PREVIEWED):
            some = trial.evaluated(rows[start : start + _PREVIEWED])
            judged = trial.again(some, trial.not_before(some, now_us or 0), models).judgement
            before, after = judged.was_member, judged.member
            flags = (after & ~before, before & ~after, before & after)
            total += np.stack([each.sum(axis=1) for each in flags], axis=1)
        return {name: Counts(*numbers) for name, numbers in zip(names, total.tolist(), strict=True)}

    def _move(self, rules: LaneRules) -> None:
        past = self.members.journal
        self.rules, self.members = rules, self._members_by(rules)
        self.members.journal.adopt(past)
        self.members.expect_series()  # whoever takes other rules sweeps in any case
