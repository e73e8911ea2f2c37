"""Every error that flockwise raises at a person, in one tree.

A message says where, what was expected, what stood there and what to do. The command line
prints it without a traceback and leaves with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class FlockwiseError(Exception):
    """Something failed that a person can act on."""

    exit_code = 1


class UsageError(FlockwiseError):
    """What the user gave is wrong: a file, an option, a name."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One mistake in a configuration: where it stands and what is wrong there."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigError(UsageError):
    """A configuration with mistakes; `problems` holds all of them."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{source} has {count} mistake{'s' if count > 1 else ''}:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class RuleError(UsageError):
    """A condition that can't be parsed or checked."""


class PreflightError(FlockwiseError):
    """Something that the job needs (Java, Kafka, Cassandra, a topic) is not there."""


class StoreError(FlockwiseError):
    """A store that can't be reached or refused a write."""


class JobError(FlockwiseError):
    """A Flink job that failed."""


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint for a misspelt name: `", did you mean 'x'?"`, or nothing.

    Names that differ by capitals and signs alone, as UserID and user_id, are nearest of all.
    """
    letters = _letters(name)
    alike = [each for each in known if letters and _letters(each) == letters]
    close = alike or get_close_matches(name, known, n=1, cutoff=0.6)
    return f", did you mean '{close[0]}'?" if close else ""


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
