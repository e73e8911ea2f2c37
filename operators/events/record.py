"""A record's fields as msgspec decodes them, and the fields of many records as columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from operators.events.names import FieldPath, alternatives

# What msgspec raises of a record that is no object in JSON.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RecordDecoder:
    """Decodes a record into a struct of just these fields; others cost next to nothing.

    Names may be paths, or several: see `names`. Then all that is read may be of any kind, since
    what makes a value bad is for whoever reads the column to say.

    Args:
        required: the kind of each field that every record has.
        optional: the kind of each other field; one that is missing is None.
        told_apart: those of them of which one that is missing is UNSET, and null is None.
    """

    def __init__(
        self,
        required: Mapping[str, Any],
        optional: Mapping[str, Any],
        told_apart: Collection[str] = (),
    ) -> None:
        self._names = (*required, *optional)
        self._places = {
            name: [(x, FieldPath.of(x)) for x in alternatives(name)] for name in self._names
        }
        # Whether each name is that of one field at the top.
        self.whole = all(
            len(places) == 1 and places[0][1] is None for places in self._places.values()
        )
        known = any(kind is not Any for kind in (*required.values(), *optional.values()))
        self._typed = self._names if self.whole and known else ()
        if not self.whole:
            required, optional = {}, dict.fromkeys(self._tops(), Any)
        self._read = (*required, *optional)
        self._told_apart = frozenset(told_apart)
        tops = {top for name in self._told_apart for top, _ in self._places[name]}
        attributes = {name: f"f{at}" for at, name in enumerate(self._read)}
        record = msgspec.defstruct(
            "Record",
            [
                *((attributes[name], kind) for name, kind in required.items()),
                *(
                    (attributes[name], kind, UNSET if name in tops else None)
                    for name, kind in optional.items()
                ),
            ],
            rename={attribute: name for name, attribute in attributes.items()},
            gc=False,
        )
        self.decode = msgspec.json.Decoder(record).decode

    def typed(self, columns: Mapping[str, Sequence[Any]]) -> Collection[str]:
        """The names of which all values are of the kinds that they were said to be."""
        return self._typed

    def columns(self, records: Sequence[Any]) -> Mapping[str, Sequence[Any]]:
        """The values of each field, one a record."""
        if not records:
            return dict.fromkeys(self._names, ())
        # All at once: a look-up for each value would take longer than decoding does.
        tops = dict(zip(self._read, zip(*map(_values, records), strict=True), strict=True))
        return tops if self.whole else {name: self._column(name, tops) for name in self._names}

    def _tops(self) -> dict[str, None]:
        """The fields at the top that are read."""
        places = [place for places in self._places.values() for place in places]
        paths = [path.first for _, path in places if path is not None]
        return dict.fromkeys([*(name for name, _ in places), *paths])

    def _column(self, name: str, tops: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """The first value of each record that is there."""
        apart = name in self._told_apart
        absent = UNSET if apart else None
        columns = [
            column
            for top, path in self._places[name]
            for column in (tops[top], *([] if path is None else [_within(path, tops, absent)]))
        ]
        if len(columns) == 1:
            column = columns[0]
            return column if apart or UNSET not in column else [_or_none(x) for x in column]
        choose = first_told if apart else first
        return [choose(values) for values in zip(*columns, strict=True)]


def _within(path: FieldPath, tops: Mapping[str, Sequence[Any]], absent: Any) -> list[Any]:
    return [path.value(value, absent) for value in tops[path.first]]


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value


def first(values: Sequence[Any]) -> Any:
    """The first that is there; what is empty is not."""
    return next((x for x in values if x is not None and x != "" and x is not UNSET), None)


def first_told(values: Sequence[Any]) -> Any:
    """The same, else None if one is null, and UNSET where there is none."""
    found = first(values)
    return UNSET if found is None and None not in values else found


_values = msgspec.structs.astuple


class OneField:
    """One field of raw records, without the rest of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._records = RecordDecoder({}, {name: Any})
        self._none = self._records.decode(b"{}")

    def of(self, values: Sequence[bytes]) -> Sequence[Any]:
        """The value that each record has; None where there is none, or no object."""
        return self._records.columns(list(map(self._decoded, values)))[self._name]

    def _decoded(self, value: bytes) -> Any:
        try:
            return self._records.decode(value)
        except UNREADABLE:
            return self._none
