"""Records with fields within fields, decoded into structs of just what is read.

`RecordDecoder` takes whatever comes. Here fields must be nested as their names say, which they are
in nearly all records; a batch with one that is not raises, and is for `RecordDecoder`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from operators.events.kinds import NEVER, as_optional, is_optional, of_two
from operators.events.pairs import KeyValue
from operators.events.places import ValuePlace, places, unlikely_fields
from operators.events.record import first, first_told
from operators.events.shaped_batch import Column, Object, ShapedBatch, struct_of

_TOP: Final = None  # where fields are that stand in no object

_Kinds = dict[str, Any]  # of fields, by their names


class NoShapeError(Exception):
    """Names can't be read that way."""


class ShapedDecoder:
    """Decodes batches of records into structs within structs; what is not read is passed over.

    Args:
        kinds: the kind of each name, or `Any` for each. With others, records are refused that have
            fields at the top which are called as paths are.
        told_apart: the names of which one that is missing is UNSET, and null is None.

    Raises:
        NoShapeError: something is read as an object and as a value, or as two kinds.
    """

    def __init__(self, kinds: Mapping[str, Any], told_apart: Collection[str] = ()) -> None:
        strict = any(kind is not Any for kind in kinds.values())
        self._told_apart = frozenset(told_apart)
        self._listed: Collection[str] = ()
        self._places = {name: list(places(name, unlikely=not strict)) for name in kinds}
        self._typed = [x for x, kind in kinds.items() if _may_be_typed(kind, self._places[x])]
        self._needed = frozenset(name for name, kind in kinds.items() if not is_optional(kind))
        shapes = self._shapes(kinds)
        unset = self._unset()

        def absent(shape: str | None) -> dict[str, Any]:
            return {x: UNSET if (shape, x) in unset else None for x in shapes[shape]}

        self._tops = absent(_TOP)
        self._objects = {x: _object(shapes[x], absent(x)) for x in shapes if x is not _TOP}
        unlikely = {x for name in kinds for x in unlikely_fields(name)} if strict else set()
        fields: dict[str, tuple[Any, ...]] = _with_defaults(shapes[_TOP], self._tops)
        for name, each in self._objects.items():
            fields[name] = (type(each.empty) | list[KeyValue] | None, each.empty)
        fields |= dict.fromkeys(sorted(unlikely - fields.keys()), (NEVER, None))
        self.decode = msgspec.json.Decoder(struct_of(fields)).decode

    def columns(self, records: Sequence[Any]) -> Mapping[str, Column]:
        """The values of each name, one a record."""
        if not records:
            return dict.fromkeys(self._places, ())
        batch = ShapedBatch(records, self._tops, self._objects)
        columns = {name: self._column(name, batch) for name in self._places}
        self._listed = batch.listed
        return columns

    def typed(self, columns: Mapping[str, Column]) -> Collection[str]:
        """The names of which all values of the last columns are known to be of their kinds."""
        return [name for name in self._typed if self._is_typed(name, columns, self._listed)]

    def _shapes(self, kinds: Mapping[str, Any]) -> dict[str | None, _Kinds]:
        """The kinds of the fields that are read, at the top and within objects."""
        shapes: dict[str | None, _Kinds] = {_TOP: {}}
        for name, kind in kinds.items():
            for place in self._places[name]:
                fields = shapes.setdefault(place.within, {})
                whole = kind if place.within is None and len(self._places[name]) == 1 else None
                own = as_optional(kind) if whole is None else whole
                _add(fields, place.field, Any if place.path is not None else own)
                if place.dotted is not None:
                    _add(fields, place.dotted, Any)
        if not shapes[_TOP].keys().isdisjoint(shapes):
            raise NoShapeError
        shapes[_TOP] = dict(sorted(shapes[_TOP].items(), key=lambda each: is_optional(each[1])))
        return shapes

    def _unset(self) -> set[tuple[str | None, str]]:
        """Fields of which one that is missing is told from one that is null."""
        told = [place for name in self._told_apart for place in self._places[name]]
        all_places = [place for found in self._places.values() for place in found]
        dotted = {(place.within, place.dotted) for place in all_places if place.dotted is not None}
        return {(place.within, place.field) for place in told} | dotted

    def _column(self, name: str, batch: ShapedBatch) -> Column:
        """The first value of each record that is there."""
        absent = UNSET if name in self._told_apart else None
        parts: list[Column] = []
        for place in self._places[name]:
            column = batch.values(place, absent)
            if column is not None and _says(column, absent):
                parts.append(column)
                if absent is None and len(self._places[name]) > 1 and all(column):
                    break
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2 and absent is None:
            return [a if a is not None and a != "" else b for a, b in zip(*parts, strict=True)]
        choose = first if absent is None else first_told
        rows = zip(*parts, strict=True)
        return list(map(choose, rows)) if parts else [absent] * len(batch.records)

    def _is_typed(self, name: str, columns: Mapping[str, Column], listed: Collection[str]) -> bool:
        """Whether the values of a name are of its kind; those in `listed` are of any."""
        if listed and any(place.within in listed for place in self._places[name]):
            return False
        # Of what is needed some field must be there, and not be empty.
        return name not in self._needed or all(columns[name])


def _add(fields: _Kinds, name: str, kind: Any) -> None:
    there = fields.setdefault(name, kind)
    if there is not kind:
        both = of_two(there, kind)
        if both is None:
            raise NoShapeError
        fields[name] = both


def _object(kinds: _Kinds, absent: Mapping[str, Any]) -> Object:
    empty = struct_of(_with_defaults(kinds, absent))()
    return Object(absent, empty, frozenset(name for name in kinds if "." in name))


def _with_defaults(kinds: _Kinds, absent: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Fields of a struct: their kinds, and what stands for one that may be missing."""
    return {
        name: (kind, absent[name]) if is_optional(kind) else (kind,) for name, kind in kinds.items()
    }


def _says(column: Column, absent: Any) -> bool:
    """Whether some value is there."""
    return column[0] is not absent or column.count(absent) < len(column)


def _may_be_typed(kind: Any, where: Sequence[ValuePlace]) -> bool:
    """Whether what is read under a name may be known to be of its kind."""
    return kind is not Any and all(place.path is None for place in where)
