"""Ids of events that have none: a hash of all that tells an event from another.

An event that is imported twice then has the same id. What counts is the whole record, whether or
not something reads a field, in a form that does not depend on the order of fields, nor on how a
value is written: 1, 1.0 and "1" are alike, and so are null, an empty text and a missing field. The
time counts as the moment that it is.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from operators.base.arrays import Moments
from operators.events.fields import scalar_text
from operators.events.names import FieldPath, alternatives
from operators.events.record import UNREADABLE

_HASH_BYTES: Final = 12  # 2^48 events of one user, before two of them are likely to be alike
_DEEPEST: Final = 50  # what is nested deeper is compared byte for byte
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class ContentIds:
    """Makes ids of records whose time stands in a field of this name."""

    def __init__(self, time: str) -> None:
        names = alternatives(time)
        self._times = [(name, FieldPath.of(name)) for name in names]

    def fill(
        self, ids: Sequence[str | None] | None, values: Sequence[bytes], time_us: Moments
    ) -> list[str]:
        """The ids of n events, and of those that have none one by their raw `values`."""
        known = [None] * len(values) if ids is None else ids
        each = zip(known, values, time_us.tolist(), strict=True)
        return [self.of(value, moment) if own is None else own for own, value, moment in each]

    def of(self, value: bytes, time_us: int) -> str:
        """The id of one record."""
        try:
            record = _decode(value)
            self._take_out_times(record)
            content = _encode((time_us, _plain(record, 0)))
        except UNREADABLE:  # of what nobody reads
            content = b"%d %b" % (time_us, value)
        return b64encode(blake2b(content, digest_size=_HASH_BYTES).digest()).decode()

    def _take_out_times(self, record: dict[str, Any]) -> None:
        for name, path in self._times:
            record.pop(name, None)
            if path is not None:
                *steps, last = (path.first, *path.steps)
                within: Any = record
                for step in steps:
                    within = within.get(step) if type(within) is dict else None
                if type(within) is dict:
                    within.pop(last, None)


def _plain(value: Any, depth: int) -> Any:
    """A value as it is compared, None for what is missing.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if type(value) is dict:
        if depth > _DEEPEST:
            raise RecursionError
        within = {name: _plain(each, depth + 1) for name, each in value.items()}
        return {name: each for name, each in within.items() if each is not None} or None
    if type(value) is list:
        if depth > _DEEPEST:
            raise RecursionError
        return [_plain(each, depth + 1) for each in value] or None
    text = value if type(value) is str else scalar_text(value)
    if text and "." in text and _DECIMAL.fullmatch(text):
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text or None
