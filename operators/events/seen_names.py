"""The names of fields and types that events have, of a sample of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from operators.events.fields import type_text
from operators.events.record import UNREADABLE, OneField
from operators.events.spec import EventsSpec

_DEEPEST: Final = 3  # fields within fields that are listed
_MOST: Final = 1_000  # names that are kept
_LONGEST: Final = 100  # characters of a name


class SeenNames:
    """Counts the names in records that it is shown, of events as `events` says they are.

    Without it they are no events, and have no types.
    """

    def __init__(self, events: EventsSpec | None = None) -> None:
        self.fields = Counter[str]()
        self.types = Counter[str]()
        of = None if events is None else events.type
        self._type = OneField(of) if isinstance(of, str) else of

    def add(self, values: Sequence[bytes]) -> None:
        """Look into some raw records; what is no object is passed over."""
        for value in values:
            with suppress(*UNREADABLE):
                self._count(self.fields, field_names(msgspec.json.decode(value, type=_Object)))
        named = map(_type_name, self._raw_types(values))
        self._count(self.types, (name for name in named if name is not None))

    def most(self, counted: Counter[str], number: int) -> list[str]:
        """The names that were seen most often."""
        return [name for name, _ in counted.most_common(number)]

    def _raw_types(self, values: Sequence[bytes]) -> Sequence[Any]:
        """The types of records as they stand there, or as all are said to be."""
        if isinstance(self._type, OneField):
            return self._type.of(values)
        return [] if self._type is None else [self._type.constant] * len(values)

    def _count(self, counted: Counter[str], names: Iterator[str]) -> None:
        for name in names:
            if len(name) <= _LONGEST and (name in counted or len(counted) < _MOST):
                counted[name] += 1


def field_names(record: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[str]:
    """The names of a record's fields, and of those within them by their paths."""
    for name, value in record.items():
        yield name
        if type(value) is dict and depth:
            yield from (f"{name}.{within}" for within in field_names(value, depth - 1))
        elif type(value) is list:
            pairs = [each for each in value if type(each) is dict and "key" in each]
            yield from (f"{name}.{pair['key']}" for pair in pairs)


def _type_name(value: Any) -> str | None:
    """A type as text; None for what is none."""
    text = type_text(value)
    return text if type(text) is str and text else None


_Object = dict[str, Any]
