"""Outcomes as people write them in the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from operators.base.errors import Problem, nearest
from operators.features.filters import PropertyFilter
from operators.features.kinds.options import ANY

PARTS: Final = ("page", "funnel", "cohorts", "strata", "keep")  # what is no outcome by its name
MOST_OUTCOMES: Final = 20  # each takes 16 bytes a user and segment
MOST_STEPS: Final = 20
MOST_STRATA: Final = 20  # each has cohorts of its own
LONGEST_NAME: Final = 100  # characters
LONGEST_DAYS: Final = {"day": 1, "week": 7, "month": 31}

Types = str | list[str]

_PATH: Final = "outcomes"
_NAMED: Final = f"{_PATH}.named"
_EXAMPLE: Final = "{event: purchase, value: price}"
# What can't be taken for an outcome, whatever stands there.
_NO_OUTCOMES: Final[Mapping[str, str]] = {
    "page": "an event type or a list of them",
    "funnel": "a list of event types in their order",
    "cohorts": "day, week or month",
    "keep": "a duration such as 400d",
}


class OutcomeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as one: an event of a type, or of one of some, that meets a condition.

    `value` is the property whose values are summed up, to a millionth of their unit.
    """

    event: Types
    value: str | None = None
    where: str | None = None


class OutcomesSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What segments are measured by.

    `named` are the outcomes. `page` is the event type (or some) that is a page; without it, every
    event is. `funnel` are event types in their order, as sessions go through them. Users are taken
    together by the day, ISO week or month (UTC) in which they entered, and in `strata` by the first
    of the listed values that a property of their events had. What is published stays for `keep`.
    """

    named: dict[str, OutcomeSpec]
    page: Types = ANY
    funnel: list[str] = []
    cohorts: Literal["day", "week", "month"] = "week"
    strata: dict[str, list[str]] = {}
    keep: str = "400d"

    @property
    def types(self) -> dict[str, str]:
        """The event types that it tells apart, by the places where they are named first."""
        said = {f"outcomes.{name}": each.event for name, each in self.named.items()}
        found: dict[str, str] = {}
        for where, names in {
            **said,
            "outcomes.page": self.page,
            "outcomes.funnel": self.funnel,
        }.items():
            for name in [names] if isinstance(names, str) else names:
                if name != ANY:
                    found.setdefault(name, where)
        return found

    @property
    def numbers(self) -> frozenset[str]:
        """The properties that it reads as numbers."""
        read = {each.value for each in self.named.values() if each.value is not None}
        return frozenset(read).union(*(each.numbers for each in self._filters()))

    @property
    def texts(self) -> frozenset[str]:
        """The properties that it reads as texts."""
        return frozenset(self.strata).union(*(each.texts for each in self._filters()))

    def _filters(self) -> Iterator[PropertyFilter]:
        for each in self.named.values():
            if each.where is not None:
                yield PropertyFilter(each.where)


def with_names(data: Any, problems: list[Problem] | None = None) -> Any:
    """The plain data of a configuration with the outcomes by their names in a part of their own.

    What is neither an outcome nor another part is left out, and told in `problems`.
    """
    if not isinstance(data, dict) or _PATH not in data:
        return data
    given = {} if data[_PATH] is None else data[_PATH]
    if not isinstance(given, dict):
        return data
    found = list(_problems(given))
    if problems is not None:
        problems.extend(found)
    wrong = {problem.path for problem in found}
    fine = {name: value for name, value in given.items() if _place(name) not in wrong}
    parts = {name: value for name, value in fine.items() if name in PARTS}
    named = {name: value for name, value in fine.items() if name not in PARTS}
    return {**data, _PATH: {**parts, "named": named}}


def as_written(path: str) -> str:
    """Where something stands in the file that is decoded from what `with_names` gives."""
    inside = path == _NAMED or path.startswith(f"{_NAMED}.")
    return _PATH + path.removeprefix(_NAMED) if inside else path


def sound(data: Any, problems: Sequence[Problem]) -> Any:
    """What `with_names` has made of `outcomes`, without what has these problems."""
    if not isinstance(data, dict):
        return None
    paths = [problem.path for problem in problems]

    def kept(part: Mapping[Any, Any], path: str) -> dict[Any, Any]:
        return {x: part[x] for x in part if isinstance(x, str) and not _told(f"{path}.{x}", paths)}

    return {**kept(data, _PATH), "named": kept(data["named"], _NAMED)}


def _problems(given: Mapping[Any, Any]) -> Iterator[Problem]:
    outcomes = 0
    for name, value in given.items():
        expected = _NO_OUTCOMES.get(name)
        if expected is not None and isinstance(value, dict):
            why = f"an outcome can't be called '{name}'"
            yield Problem(_place(name), f"expected {expected}, found a mapping: {why}")
        elif name not in PARTS and isinstance(name, str) and not _may_be_one(name, value):
            hint = nearest(name, PARTS)
            outcomes += not hint
            yield Problem(_place(name), _no_outcome(name, value, hint))
        elif name not in PARTS:
            outcomes += 1
    if not outcomes:
        yield Problem(_PATH, f"expected at least one, such as conversion: {_EXAMPLE}")


def _may_be_one(name: str, value: Any) -> bool:
    """Whether it is an outcome, with or without mistakes; a mapping may be another part, too."""
    if not isinstance(value, dict):
        return False
    others = [part for part in PARTS if part not in _NO_OUTCOMES]
    known = msgspec.structs.fields(OutcomeSpec)
    return any(field.encode_name in value for field in known) or not nearest(name, others)


def _no_outcome(name: str, value: Any, hint: str) -> str:
    if hint:
        return f"unknown name '{name}'{hint}"
    shown = {str: f"'{value}'", list: "a list", type(None): "nothing"}.get(type(value), repr(value))
    return f"expected an outcome such as {_EXAMPLE}, found {shown}"


def _place(name: Any) -> str:
    return f"{_PATH}.{name}"


def _told(path: str, paths: Sequence[str]) -> bool:
    return any(each == path or each.startswith(f"{path}.") for each in paths)
