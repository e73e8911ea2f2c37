"""From what an analyst wrote to checked segments, with every mistake found at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.base.frame import FeatureColumn
from operators.base.moments import parse_moment_us, parse_zone
from operators.rules.groups import problems_of_groups
from operators.rules.parse import parse
from operators.rules.segment import Border, Segment
from operators.rules.spec import RETIRED, SegmentSpec
from operators.rules.strata import problems_of_references
from operators.rules.tree import Condition

LONGEST_NAME: Final = 200  # characters
MOST_LISTED: Final = 10_000  # users listed as members of one segment
MOST_SEGMENTS: Final = 1_000  # each takes 8 bytes of every user

_SHARE = re.compile(r"(\d{1,2}(?:\.\d{1,6})?)\s*%")
_Written = TypeVar("_Written")
_Result = TypeVar("_Result")


def check(
    segments: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn]
) -> tuple[list[Segment], list[Problem]]:
    """The segments in order, and all mistakes; one with a mistake is among the mistakes only."""
    count = sum(spec is not RETIRED for spec in segments.values())  # those only wait for a sweep
    if count > MOST_SEGMENTS:
        expected = f"expected up to {MOST_SEGMENTS:,} segments, found {count:,}"
        return [], [Problem("segments", expected)]
    checked, problems = [], []
    for name, spec in segments.items():
        one = _Check(path_of(name))
        segment = one.segment(name, spec, columns, segments)
        problems += one.problems
        if not one.problems:
            checked.append(segment)
    problems += [
        Problem(f"{path_of(name)}.{field}", message)
        for name, field, message in (*problems_of_groups(checked), *problems_of_references(checked))
    ]
    return checked, problems


def path_of(name: str) -> str:
    """Where a segment stands in a configuration: `segments.Engaged Buyers`."""
    return f"segments.{name if _is_good(name) else ascii(name[:40])}"


class _Check:
    """The check of one segment, which goes on after a mistake."""

    def __init__(self, path: str) -> None:
        self.problems: list[Problem] = []
        self._path = path

    def segment(
        self,
        name: str,
        spec: SegmentSpec,
        columns: Mapping[str, FeatureColumn],
        segments: Mapping[str, SegmentSpec],
    ) -> Segment:
        """The segment, as far as it can be read."""
        self._check_names(name, spec)
        self._check_what_belongs_together(spec)
        opens, closes = self._dates(spec)

        def condition(text: str) -> Condition:
            return parse(text, columns, segments)

        return Segment(
            name,
            when=self._read("when", spec.when, condition),
            leave_when=self._read("leave_when", spec.leave_when, condition),
            min_dwell_us=self._read("min_dwell", spec.min_dwell, parse_duration_us) or 0,
            cooldown_us=self._read("cooldown", spec.cooldown, parse_duration_us) or 0,
            users=self._read("members", spec.members, _users) or frozenset(),
            opens=opens,
            closes=closes,
            group=spec.group,
            priority=spec.priority,
            holdout=self._read("holdout", spec.holdout, _share) or 0.0,
            paused=spec.paused,
            retired=spec is RETIRED,  # nobody else's FALSE
        )

    def _check_names(self, name: str, spec: SegmentSpec) -> None:
        expected = f"expected a name of 1 to {LONGEST_NAME} printable characters"
        if not _is_good(name):
            self.problems.append(Problem(self._path, expected))
        if spec.group is not None and not _is_good(spec.group):
            self._add("group", expected)

    def _check_what_belongs_together(self, spec: SegmentSpec) -> None:
        if spec.when is None and not spec.members:
            self._add("when", "this is needed where no members are listed, and is not there")
        if spec.when is None and spec.leave_when is not None:
            self._add("leave_when", "it needs a when: users who are listed don't leave")
        if spec.group is None and spec.priority:
            self._add("priority", "it needs a group: it decides between the segments of one")

    def _dates(self, spec: SegmentSpec) -> tuple[Border | None, Border | None]:
        zone = self._read("zone", spec.zone, parse_zone)
        if zone is None:
            return None, None

        def border(text: str) -> Border:
            return Border(text, parse_moment_us(text, zone))

        opens = self._read("from", spec.opens, border)
        closes = self._read("until", spec.until, border)
        if opens is not None and closes is not None and opens.at_us >= closes.at_us:
            self._add("until", f"expected a moment after from ({opens.text}), found {closes.text}")
        return opens, closes

    def _add(self, field: str, message: str) -> None:
        self.problems.append(Problem(f"{self._path}.{field}", message))

    def _read(
        self, field: str, written: _Written | None, read: Callable[[_Written], _Result]
    ) -> _Result | None:
        if written is None:
            return None
        try:
            return read(written)
        except UsageError as error:
            self._add(field, str(error))
            return None


def _share(text: str) -> float:
    match = _SHARE.fullmatch(text.strip())
    share = float(match[1]) / 100 if match else 0.0
    if share == 0:
        raise UsageError(f"expected a share such as 10% or 0.5%, below 100%, found '{text}'")
    return share


def _users(written: tuple[str | int, ...]) -> frozenset[str]:
    if len(written) > MOST_LISTED:
        raise UsageError(f"expected up to {MOST_LISTED} users, found {len(written)}")
    users = frozenset(map(str, written))
    for user in users:
        if not user or any("\ud800" <= character <= "\udfff" for character in user):
            raise UsageError(f"expected users, which are texts or whole numbers, found {user!a}")
    return users


def _is_good(name: str) -> bool:
    control = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    return 0 < len(name) <= LONGEST_NAME and bool(name.strip()) and not control
