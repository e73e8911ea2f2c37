"""Which version of the segments holds: decided by the order of the control topic alone.

The running job and the command line read the same messages in the same order and so come to
the same result; neither has to ask the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from operators.control.messages import Message, Segments, Started, read
from operators.errors import UsageError
from operators.frame import FeatureColumn
from operators.rules.rulebook import problems


class Versions:
    """The version that holds, and what of the messages after it is taken.

    Args:
        newest: the version to begin with.
        columns: what conditions may name: the features that the job keeps, and the cluster.
    """

    def __init__(self, newest: Segments, columns: Mapping[str, FeatureColumn]) -> None:
        self.newest = newest
        self._columns = columns

    def take(self, raw: bytes) -> Message:
        """Take a message: a newer version holds from now on, all else changes nothing.

        Raises:
            UsageError: it can't be used, and why; the version that held still does.
        """
        message = read(raw)
        if isinstance(message, Segments) and message.version <= self.newest.version:
            held = self.newest.version
            raise UsageError(f"version {message.version} is not newer than {held}, which holds")
        if isinstance(message, Started):
            return message
        found = problems(message.segments, self._columns)
        if found:
            raise UsageError("; ".join(f"{problem.path}: {problem.message}" for problem in found))
        if isinstance(message, Segments):
            self.newest = message
        return message

    def follow(self, raw: bytes) -> Message | None:
        """Take a message, or pass over one that can't be used."""
        try:
            return self.take(raw)
        except UsageError:
            return None
