"""Names of fields: at the top of an event, by a path, or several of which the first counts.

A name is one text: of several, `ELSE` stands between them. `properties.price` is the field that
has this very name, else `price` within `properties`; `items[0].price` that of the first of a list;
`event_params.page` the value that an array of keys and values has for `page`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from operators.events.pairs import value_of

ELSE: Final = "\0"

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_Step = str | int


def joined(names: str | Sequence[str]) -> str:
    """Several names as one; the first whose field is there counts."""
    return names if isinstance(names, str) else ELSE.join(names)


def alternatives(name: str) -> list[str]:
    """The names of which one is made."""
    return name.split(ELSE)


def shown_name(name: str) -> str:
    """A name as people read it."""
    return name.replace(ELSE, "' or '")


@dataclass(frozen=True)
class FieldPath:
    """Where a field stands within others: `steps` below `first`.

    `rests` are what is left of the name at each step: a name within may have dots, too.
    """

    first: str
    steps: tuple[_Step, ...]
    rests: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> FieldPath | None:
        """The path that a name may be, None for one that is none."""
        found = list(_STEP.finditer(name))
        written = "".join(f".{each[1]}" if each[1] else each[0] for each in found)
        if len(found) < 2 or found[0][2] is not None or written != f".{name}":
            return None
        steps = tuple(each[1] or int(each[2]) for each in found[1:])
        return cls(found[0][1], steps, tuple(name[each.start() :] for each in found[1:]))

    def value(self, value: Any, absent: Any = None) -> Any:
        """The value within that of the first field, `absent` where there is none."""
        for step, rest in zip(self.steps, self.rests, strict=True):
            if type(value) is dict:
                if rest in value:
                    return value[rest]
                value = value.get(step, absent)
            elif type(value) is list:
                value = _in_list(value, step, absent)
            else:
                return absent
        return value


def _in_list(values: list[Any], step: _Step, absent: Any) -> Any:
    if isinstance(step, int):
        return values[step] if step < len(values) else absent
    return value_of(values, step, absent)
