"""From what an analyst wrote to checked segments, with every mistake found at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from operators.durations import parse_duration_us
from operators.errors import Problem, UsageError
from operators.frame import FeatureColumn
from operators.rules.parse import parse
from operators.rules.spec import SegmentSpec
from operators.rules.tree import Condition

LONGEST_NAME: Final = 200  # characters

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment whose conditions are parsed. `min_dwell_us` is 0 where none is asked for."""

    name: str
    when: Condition
    leave_when: Condition | None
    min_dwell_us: int


def check(
    segments: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn]
) -> tuple[list[Segment], list[Problem]]:
    """The segments in order, and all mistakes; one with a mistake is among the mistakes only."""
    checked, problems = [], []
    for name, spec in segments.items():
        shown_name = name if _is_good(name) else ascii(name[:40])
        one = _Check(f"segments.{shown_name}")
        segment = one.segment(name, spec, columns)
        problems += one.problems
        if segment is not None and not one.problems:
            checked.append(segment)
    return checked, problems


class _Check:
    """The check of one segment, which goes on after a mistake."""

    def __init__(self, path: str) -> None:
        self.problems: list[Problem] = []
        self._path = path

    def segment(
        self, name: str, spec: SegmentSpec, columns: Mapping[str, FeatureColumn]
    ) -> Segment | None:
        self._check_name(name)
        when = self._read("when", spec.when, lambda text: parse(text, columns))
        leave_when = self._read("leave_when", spec.leave_when, lambda text: parse(text, columns))
        min_dwell_us = self._read("min_dwell", spec.min_dwell, parse_duration_us)
        return None if when is None else Segment(name, when, leave_when, min_dwell_us or 0)

    def _check_name(self, name: str) -> None:
        if not _is_good(name):
            message = f"expected a name of 1 to {LONGEST_NAME} printable characters"
            self.problems.append(Problem(self._path, message))

    def _read(self, field: str, text: str | None, read: Callable[[str], _Result]) -> _Result | None:
        if text is None:
            return None
        try:
            return read(text)
        except UsageError as error:
            self.problems.append(Problem(f"{self._path}.{field}", str(error)))
            return None


def _is_good(name: str) -> bool:
    control = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    return 0 < len(name) <= LONGEST_NAME and bool(name.strip()) and not control
