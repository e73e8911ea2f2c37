"""Columns of records that are decoded into structs within structs, made as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET

from operators.events.pairs import by_keys
from operators.events.places import ValuePlace

Column = Sequence[Any]
_Spot = tuple[str | None, str]  # a field within an object of the record, or at its top

_UNASKED: Final = object()
_values: Final = msgspec.structs.astuple


@dataclass(frozen=True)
class Object:
    """An object that records have: its `fields` in the order of its struct, and an `empty` one.

    Of each field it is said what stands for a value that is absent; `dotted` are those whose names
    have dots.
    """

    fields: Mapping[str, Any]
    empty: Any
    dotted: frozenset[str]


@dataclass
class ShapedBatch:
    """Records of one kind of struct.

    `tops` are the fields at the top in the order of the struct, each with what stands for a value
    that is absent; those of `objects` are decoded into structs, or are arrays of keys and values.
    """

    records: Sequence[Any]
    tops: Mapping[str, Any]
    objects: Mapping[str, Object]
    listed: set[str] = field(default_factory=set)  # arrays, as far as they have been looked into
    _columns: dict[_Spot, Any] = field(default_factory=dict)
    _opened: dict[str, Column | None] = field(default_factory=dict)

    def values(self, place: ValuePlace, absent: Any) -> Column | None:
        """What stands in a place, `absent` where nothing does; None if that is so in all."""
        column = self._column(place.within, place.field)
        if column is None:
            return None
        if place.path is not None:
            return self._along(place, column, absent)
        if absent is None and self._absent(place.within, place.field) is UNSET:
            return [each if each is not UNSET else None for each in column]
        return column

    def _absent(self, within: str | None, name: str) -> Any:
        return self.tops[name] if within is None else self.objects[within].fields[name]

    def _along(self, place: ValuePlace, column: Column, absent: Any) -> Column:
        assert place.path is not None
        follow = place.path.value
        values = [follow(each, absent) for each in column]
        beside = None if place.dotted is None else self._column(place.within, place.dotted)
        if beside is None:
            return values
        both = zip(values, beside, strict=True)
        return [value if other is UNSET else other for value, other in both]

    def _column(self, within: str | None, name: str) -> Column | None:
        spot = (within, name)
        found = self._columns.get(spot, _UNASKED)
        if found is _UNASKED:
            found = self._columns[spot] = self._made(within, name)
        return found  # type: ignore[no-any-return] # nothing else is put there

    def _made(self, within: str | None, name: str) -> Column | None:
        if within is None:
            return _of_field(list(self.tops).index(name))(self.records)
        if within not in self._opened:
            self._opened[within] = self._open(within)
        objects = self._opened[within]
        if within in self.listed or objects is None:
            return self._columns.get((within, name))
        return _of_field(list(self.objects[within].fields).index(name))(objects)

    def _open(self, within: str) -> Column | None:
        """The structs of an object, None if all are empty; of arrays the columns of all fields."""
        shape = self.objects[within]
        at = len(self.tops) + list(self.objects).index(within)
        column = _of_field(at)(self.records)
        if column[0] is shape.empty and column.count(shape.empty) == len(column):
            return None
        kinds = set(map(type, column))
        if list in kinds:
            self._open_pairs(within, column)
        elif type(None) in kinds:
            return [shape.empty if each is None else each for each in column]
        return column

    def _open_pairs(self, within: str, column: Column) -> None:
        """Find the columns of all fields, where arrays of pairs and objects stand together."""
        shape = self.objects[within]
        self.listed.add(within)
        wanted = {x: absent for x, absent in shape.fields.items() if x not in shape.dotted}
        columns = by_keys([each if type(each) is list else () for each in column], wanted)
        columns |= {name: [UNSET] * len(column) for name in shape.dotted}
        for at, each in enumerate(column):
            if type(each) is type(shape.empty) and each is not shape.empty:
                for name, value in zip(shape.fields, _values(each), strict=True):
                    columns[name][at] = value
        self._columns |= {(within, name): found for name, found in columns.items()}


@cache
def _of_field(at: int) -> Callable[[Sequence[Any]], list[Any]]:
    """What gives one field of structs, whose fields are called f0, f1 and so on.

    As code of its own: `attrgetter` takes twice as long, and tuples of all fields, which the
    garbage collector looks at, even longer.
    """
    read: Callable[[Sequence[Any]], list[Any]] = eval(f"lambda rows: [row.f{at} for row in rows]")
    return read


def struct_of(fields: Mapping[str, tuple[Any, ...]]) -> Any:
    """A struct of fields by their names in JSON: each a kind, and a default if there is one."""
    return msgspec.defstruct(
        "Shape",
        [(f"f{at}", *each) for at, each in enumerate(fields.values())],
        rename={f"f{at}": name for at, name in enumerate(fields)},
        gc=False,
        frozen=True,
    )
