"""Which version of the segments holds: decided by the order of the control topic.

Numbers are decided by the order alone: a version counts if its number is above all before it,
and so the command line and the running job count alike, whatever features either knows. A
version that counts holds if its segments can be judged by the features that there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from operators.base.errors import Problem, UsageError
from operators.base.frame import FeatureColumn
from operators.contracts.control.messages import NONE, Message, Segments, Started, read
from operators.rules.rulebook import problems

_MOST_TOLD: Final = 20  # mistakes of a message
_FARTHEST: Final = 1_000_000  # above the newest: one message must not use up all numbers


class HeldVersion(msgspec.Struct, frozen=True):
    """The version that holds, and the highest number that was given out."""

    segments: Segments = NONE
    number: int = 0


class Versions:
    """The version that holds, and what of the messages after it is taken.

    Args:
        held: what to begin with.
        columns: what conditions may name: the features that the job keeps, and the cluster.
    """

    def __init__(self, held: HeldVersion, columns: Mapping[str, FeatureColumn]) -> None:
        self.held = held
        self._columns = columns

    def take(self, raw: bytes) -> Message:
        """Take a message: a newer version holds from now on, all else changes nothing.

        Raises:
            UsageError: it can't be used, and why; the version that held still does.
        """
        message = read(raw)
        if isinstance(message, Segments):
            self.held = counted(message, self.held)
        if isinstance(message, Started):
            return message
        found = problems(message.segments, self._columns)
        if found:
            raise UsageError(_told(found))
        if isinstance(message, Segments):
            self.held = HeldVersion(message, message.version)
        return message


def counted(message: Segments, held: HeldVersion) -> HeldVersion:
    """The numbers once a version has come, whether or not its segments can be judged.

    Raises:
        UsageError: its number was given out already, or is far ahead.
    """
    if message.version <= held.number:
        raise UsageError(f"version {message.version} is not newer than {held.number}")
    if message.version > held.number + _FARTHEST:
        expected = f"at most {_FARTHEST:,} more than {held.number}"
        raise UsageError(f"version {message.version} is too far ahead: expected {expected}")
    return HeldVersion(held.segments, message.version)


def _told(found: list[Problem]) -> str:
    told = [f"{problem.path}: {problem.message}" for problem in found[:_MOST_TOLD]]
    more = len(found) - len(told)
    return "; ".join([*told, *([f"and {more:,} more"] if more else [])])
