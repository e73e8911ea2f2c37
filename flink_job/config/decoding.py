"""From plain YAML data to typed structs, with every mistake at once.

msgspec stops at the first mistake. Here each field is decoded alone, so that a person sees all
of them, each with its path, what was expected, and for a misspelt name the nearest right one.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from operators.base.errors import Problem, nearest

_T = TypeVar("_T")

# What the names in a mapping are, by their type, and what to do where they are something else.
_KEYS: Final = {str: ("texts", ": quote it"), int: ("whole numbers", "")}
_A_MAPPING: Final = re.compile(r"'object(?: \| null)?'")
_PLACE: Final = re.compile(r" - at `\$\[(\d+)\]")  # of what is wrong in a list


def decode(data: object, struct: type[_T], path: str, problems: list[Problem]) -> _T | None:
    """The struct that plain data says, or None with what is wrong added to `problems`."""
    found = list(_problems(data, struct, path))
    problems.extend(found)
    return None if found else msgspec.convert(data, struct, strict=True)


def _problems(data: object, wanted: Any, path: str) -> Iterator[Problem]:
    struct = _struct_of(wanted, data)
    if get_origin(wanted) in (dict, Mapping) and isinstance(data, dict):
        yield from _problems_of_values(data, get_args(wanted), path)
    elif struct is None and isinstance(data, dict) and (kinds := _kinds(wanted)):
        yield _problem_of_kind(data, kinds, path)
    elif struct is None or (not isinstance(data, dict) and _takes_more(wanted)):
        yield from _problem_of_type(data, wanted, path)
    elif not isinstance(data, dict):
        found = _shown(data)
        yield Problem(path or "the file", f"expected a mapping of names to values, found {found}")
    else:
        yield from _problems_of_struct(data, struct, path)


def _problems_of_struct(
    data: Mapping[object, object], struct: type, path: str
) -> Iterator[Problem]:
    hints = get_type_hints(struct, include_extras=True)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name in data:
        if name not in fields and name != _tag_of(struct)[0]:
            hint = nearest(str(name), list(fields))
            known = "" if hint else f"; known are {', '.join(fields)}"
            yield Problem(_join(path, name), f"unknown name '{name}'{hint}{known}")
    for name, field in fields.items():
        if name in data:
            yield from _problems(data[name], hints[field.name], _join(path, name))
        elif field.required:
            yield Problem(_join(path, name), "this is needed and is not there")


def _problems_of_values(
    data: Mapping[object, object], wanted: tuple[type, Any], path: str
) -> Iterator[Problem]:
    key, values = wanted
    expected, advice = _KEYS[key]
    for name, value in data.items():
        if type(name) is not key:
            yield Problem(path, f"expected names that are {expected}, found {_shown(name)}{advice}")
        else:
            yield from _problems(value, values, _join(path, name))


def _problem_of_type(data: object, wanted: Any, path: str) -> Iterator[Problem]:
    try:
        msgspec.convert(data, wanted, strict=True)
    except msgspec.ValidationError as error:
        if "matching regex" in str(error):  # the only pattern there is; never show the value
            yield Problem(
                path,
                "expected a reference such as ${PASSWORD}: secrets stand in the "
                "environment, not in a file",
            )
            return
        if "enum value" in str(error) and isinstance(data, str) and (words := _words(wanted)):
            expected = " or ".join([*words, *(["a list"] if _takes_lists(wanted) else [])])
            hint = nearest(data, words)
            yield Problem(path, f"expected {expected}, found {_shown(data)}{hint}")
            return
        reason = str(error).split(" - at ")[0].replace("`", "'")
        reason = reason[0].lower() + reason[1:]
        if "got '" in reason:
            at = _PLACE.search(str(error))
            found = _shown(data[int(at[1])] if at and isinstance(data, list) else data)
            reason = f"{reason.split(', got ')[0]}, found {found}"
        reason = _A_MAPPING.sub("a mapping of names to values", reason)
        yield Problem(path or "the file", reason)


def _struct_of(wanted: Any, data: object) -> type | None:
    """The struct that a type hint means; of several that which the data's tag names."""
    options = get_args(wanted) if _is_union(wanted) else (wanted,)
    structs: list[type] = [option for option in options if _is_struct(option)]
    if len(structs) == 1:
        return structs[0]
    tags = {_tag_of(struct): struct for struct in structs}
    chosen = [tag for tag in tags if isinstance(data, dict) and data.get(tag[0]) == tag[1]]
    return tags[chosen[0]] if chosen else None


def _kinds(wanted: Any) -> dict[str, str]:
    """The tags of a union of structs, each with the name of its field."""
    options = get_args(wanted) if _is_union(wanted) else ()
    structs = [option for option in options if _is_struct(option)]
    return {str(_tag_of(x)[1]): _tag_of(x)[0] for x in structs if _tag_of(x)[0]}


def _problem_of_kind(data: Mapping[object, object], kinds: Mapping[str, str], path: str) -> Problem:
    field = next(iter(kinds.values()))
    found = data.get(field)
    hint = nearest(found, list(kinds)) if isinstance(found, str) else ""
    expected = f"expected {' or '.join(kinds)}"
    return Problem(_join(path, field), f"{expected}, found {_shown(found)}{hint}")


def _tag_of(struct: Any) -> tuple[str, object]:
    config = struct.__struct_config__
    return config.tag_field, config.tag


def _takes_more(wanted: Any) -> bool:
    """Whether what a union takes is not structs alone."""
    return _is_union(wanted) and not all(_is_struct(option) for option in get_args(wanted))


def _is_struct(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, msgspec.Struct)


def _words(wanted: Any) -> list[str]:
    """The words that a type hint lists."""
    options = get_args(wanted) if _is_union(wanted) else (wanted,)
    return [word for each in options if get_origin(each) is Literal for word in get_args(each)]


def _takes_lists(wanted: Any) -> bool:
    return _is_union(wanted) and any(get_origin(each) is tuple for each in get_args(wanted))


def _is_union(wanted: Any) -> bool:
    return get_origin(wanted) in (Union, types.UnionType)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _shown(data: object) -> str:
    match data:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case str():
            return f"'{data}'" if len(data) < 60 else f"'{data[:57]}...'"
        case Sequence():
            return "a list"
        case _:
            return repr(data)
