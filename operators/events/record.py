"""A record's fields as msgspec decodes them, and the fields of many records as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class RecordDecoder:
    """Decodes a record into a struct of just these fields; others cost next to nothing.

    Args:
        required: the kind of each field that every record has.
        optional: the kind of each other field; one that is missing is None.
    """

    def __init__(self, required: Mapping[str, Any], optional: Mapping[str, Any]) -> None:
        self._names = (*required, *optional)
        attributes = {name: f"f{at}" for at, name in enumerate(self._names)}
        record = msgspec.defstruct(
            "Record",
            [
                *((attributes[name], kind) for name, kind in required.items()),
                *((attributes[name], kind, None) for name, kind in optional.items()),
            ],
            rename={attribute: name for name, attribute in attributes.items()},
            gc=False,
        )
        self.decode = msgspec.json.Decoder(record).decode

    def columns(self, records: Sequence[Any]) -> Mapping[str, Sequence[Any]]:
        """The values of each field, one a record."""
        if not records:
            return dict.fromkeys(self._names, ())
        # All at once: a look-up for each value would take longer than decoding does.
        return dict(zip(self._names, zip(*map(_values, records), strict=True), strict=True))


_values = msgspec.structs.astuple
