"""The `outcomes` of a configuration as people write them: outcomes beside the other parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from operators.base.errors import Problem, nearest
from operators.outcomes.spec import PARTS, OutcomeSpec

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


def with_names(data: Any, problems: list[Problem]) -> Any:
    """The plain data of a configuration with the outcomes by their names in a part of their own.

    What is neither an outcome nor another part is left out, and told in `problems`.
    """
    if not isinstance(data, dict) or _PATH not in data:
        return data
    given = {} if data[_PATH] is None else data[_PATH]
    if not isinstance(given, dict):
        return data
    found = list(_problems(given))
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
