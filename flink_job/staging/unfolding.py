"""Records that hold several events: a visit with a list of its actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from operators.events.record import UNREADABLE

_record: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_encode: Final = msgspec.json.Encoder().encode


def unfolded(values: Iterable[bytes], field: str) -> Iterator[bytes]:
    """An event of each of the list in a field: its own fields, and those of the record around it.

    Where both have a field, the event's own counts. A record without such a list, or with an empty
    one, is handed on as it is, and so is what is no object in a list.
    """
    mark = _encode(field)
    for value in values:
        if mark in value:
            yield from _events(value, field)
        else:
            yield value


def _events(value: bytes, field: str) -> Iterator[bytes]:
    try:
        around = _record.decode(value)
        events = _list.decode(around.pop(field))
    except (*UNREADABLE, KeyError):
        events = []
    if not events:
        yield value
    for event in events:
        yield _merged(around, event)


def _merged(around: dict[str, Any], event: msgspec.Raw) -> bytes:
    try:
        return _encode({**around, **_record.decode(event)})
    except UNREADABLE:
        return bytes(event)
