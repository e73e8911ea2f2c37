"""What a lane of Profile knows of the rules, and the messages on their way through it to Assign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Rows
from operators.base.frame import FeatureColumn
from operators.contracts.control.messages import Message, Preview, Segments, Started
from operators.features.clocks import WALL_LEAD_US
from operators.features.profiles import Profiles
from operators.rules.rulebook import problems
from operators.rules.spec import SegmentSpec
from operators.rules.watched import Watched

_LOOK: Final = "look_row"  # of the head: from which row on users are still to be looked at
_NOBODY: Final[Rows] = np.zeros(0, np.int64)


@dataclass(frozen=True)
class JobRules:
    """How a job without end comes by its rules.

    A lane begins with the segments `newest`; they may have been applied while the job was away.
    A `steered` one is told of others by messages. `columns` are what conditions may name, and
    `watched` says what can change a verdict by any of some versions. `wall` is the clock's.
    """

    newest: Segments
    steered: bool
    wall: bool
    columns: Mapping[str, FeatureColumn]
    watched: Callable[[Sequence[Mapping[str, SegmentSpec]]], Watched]


class KnownRules(msgspec.Struct, frozen=True):
    """The rules by which Assign judges a lane, and the messages for it that wait, in their order.

    With `segments` None they are not known: then every change of a feature is worth a look. They
    are those that Assign was told last; it has them before whatever Profile sends after them.
    """

    segments: Segments | None
    waiting: tuple[Message, ...] = ()


class Passage:
    """The way of the control messages of a lane through Profile to Assign.

    They come behind all that Profile has sent before, and Profile knows first what they say. By
    the wall clock new segments, and a question about others, wait until everyone was looked at,
    some users a step, its place in the journal's head; so Assign judges by them from features that
    are of now. Meanwhile what can change a verdict by either counts. By the event clock users'
    last evaluations are good for any rules: see `EventClock`.

    Args:
        job: where the rules come from.
        profiles: the lane's, as its state has them.
        kept: what its state has; None without any.
    """

    def __init__(self, job: JobRules, profiles: Profiles, kept: KnownRules | None) -> None:
        self._job = job
        self._profiles = profiles
        self.known = self._opened(kept)
        self._look_out()

    def take(self, message: Message) -> None:
        """A message has come; see `step`."""
        self.known = msgspec.structs.replace(self.known, waiting=(*self.known.waiting, message))

    @property
    def waits(self) -> bool:
        """Whether there is to be another step."""
        return bool(self.known.waiting)

    def step(self, most: int) -> tuple[Rows, list[Message]]:
        """Who, up to `most`, is to be looked at now, and the messages that go on behind them."""
        rows, going = _NOBODY, []
        while self.known.waiting:
            if self._wants_a_look(self.known.waiting[0]):
                if len(rows):
                    break
                rows = self._part(most)
                if self._looking:
                    break
            going.append(self._release())
        self._look_out()
        return rows, going

    def _opened(self, kept: KnownRules | None) -> KnownRules:
        """What is known when a lane is there again; everyone is due if the rules are others.

        Assign goes over to the newest by itself then, and by the wall clock waits for everyone.
        Messages that can't be judged by the features that there are now go no further.
        """
        newest, job = self._job.newest, self._job
        if kept is None:
            unknown = job.steered and len(self._profiles.table) > 0
            known = KnownRules(None if unknown else newest)
        else:
            waiting = tuple(filter(self._can_be_judged, kept.waiting))
            if waiting != kept.waiting:
                self._profiles.journal.head.pop(_LOOK, None)
            outdated = kept.segments is not None and kept.segments.version < newest.version
            known = KnownRules(newest if outdated else kept.segments, waiting)
        if job.wall and (known.segments is None or kept is None or known.segments != kept.segments):
            self._profiles.expect_everyone()
        return known

    def _can_be_judged(self, message: Message) -> bool:
        return isinstance(message, Started) or not problems(message.segments, self._job.columns)

    def _wants_a_look(self, message: Message) -> bool:
        known = self.known.segments
        if not self._job.wall or known is None or not len(self._profiles.table):
            return False
        newer = isinstance(message, Segments) and message.version > known.version
        return newer or isinstance(message, Preview)

    @property
    def _looking(self) -> bool:
        return _LOOK in self._profiles.journal.head

    def _part(self, most: int) -> Rows:
        """The next of those who are to be looked at; the last of them end the look."""
        rows, head = self._profiles.table.rows(), self._profiles.journal.head
        left = rows[rows >= head.get(_LOOK, 0)]
        if len(left) > most:
            head[_LOOK] = int(left[most])
        else:
            head.pop(_LOOK, None)
        return left[:most]

    def _release(self) -> Message:
        """Take the first message off: Assign has it before all that Profile sends from now on."""
        first, *others = self.known.waiting
        segments = self.known.segments
        self._profiles.journal.head.pop(_LOOK, None)
        least = self._job.newest.version if segments is None else segments.version + 1
        if isinstance(first, Segments) and first.version >= least:
            segments = first
        self.known = KnownRules(segments, tuple(others))
        return first

    def _look_out(self) -> None:
        """Watch features for the rules that are known, and for those of a look under way."""
        known = self.known
        if known.segments is None:
            self._profiles.watch(None)
            return
        versions = [known.segments.segments]
        if self._looking and not isinstance(first := known.waiting[0], Started):
            versions.append(first.segments)
        lead_us = WALL_LEAD_US if self._job.wall else 0
        self._profiles.watch(self._job.watched(versions), lead_us)
