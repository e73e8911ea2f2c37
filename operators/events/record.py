"""A record's fields as msgspec decodes them, and the fields of many records as columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec


class RecordDecoder:
    """Decodes a record into a struct of just these fields; others cost next to nothing.

    A field that is missing is None, as one that is null. The fields are Any, since what makes a
    value bad is for whoever reads the column to say.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        attributes = {f"f{at}": name for at, name in enumerate(self._names)}
        record = msgspec.defstruct(
            "Record", [(each, Any, None) for each in attributes], rename=attributes, gc=False
        )
        self.decode = msgspec.json.Decoder(record).decode

    def columns(self, records: Sequence[Any]) -> Mapping[str, Sequence[Any]]:
        """The values of each field, one a record."""
        if not records:
            return dict.fromkeys(self._names, ())
        # All at once: a look-up for each value would take longer than decoding does.
        return dict(zip(self._names, zip(*map(_values, records), strict=True), strict=True))


_values = msgspec.structs.astuple
