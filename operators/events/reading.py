"""The fields of raw records as columns, in the fastest way that their kind lets them be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from operators.base.arrays import Ints
from operators.events.diagnosis import diagnosis
from operators.events.fields import Fault, Faults
from operators.events.kinds import is_optional
from operators.events.reasons import Reason
from operators.events.record import RecordDecoder
from operators.events.shapes import NoShapeError, ShapedDecoder

_PASSED_OVER: Final = 15  # batches after one with something else in it: there will be more of it

_Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Read:
    """What was read of a batch: the values of each name in `columns`, one a record.

    Those of the names in `typed` are known to be of their kinds. `source` is int64[n], where each
    record stands in the batch, and `faults` says what is wrong with the others, by where they
    stand.
    """

    columns: _Columns
    typed: Collection[str]
    source: Ints
    faults: Faults = field(default_factory=dict)


class _Decoder(Protocol):
    """What decodes records one by one, and many to columns."""

    def decode(self, value: bytes, /) -> Any:
        """A record; raises if it is none."""

    def columns(self, records: Sequence[Any]) -> _Columns:
        """The values of each name, one a record."""

    def typed(self, columns: _Columns) -> Collection[str]:
        """The names of which all values are known to be of their kinds."""


class _Way:
    """Reads batches by a decoder that raises where records are not what it takes them to be."""

    def __init__(self, decoder: _Decoder) -> None:
        self.decoder = decoder
        self._passed_over = 0

    def read(self, values: Sequence[bytes]) -> Read | None:
        """What the decoder reads of a batch; None if it can't, and for some batches after that."""
        if self._passed_over > 0:
            self._passed_over -= 1
            return None
        with suppress(Exception):
            columns = self.decoder.columns(list(map(self.decoder.decode, values)))
            return Read(columns, self.decoder.typed(columns), np.arange(len(values)))
        self._passed_over = _PASSED_OVER
        return None


class RecordReader:
    """Reads the fields of records.

    Args:
        kinds: what nearly all values of each name are; `Any` for each if that is not known.
        told_apart: the names of which one that is missing is UNSET, and null is None.
        most_bytes: of a record; one that is larger is not looked into.
        reasons: of fields whose faults are no mere bad values.
    """

    def __init__(
        self,
        kinds: Mapping[str, Any],
        told_apart: Collection[str],
        most_bytes: int,
        reasons: Mapping[str, Reason],
    ) -> None:
        self._most_bytes = most_bytes
        self._reasons = reasons
        unknown = dict.fromkeys(kinds, Any)
        records = RecordDecoder({}, unknown, told_apart)
        # What records are decoded by alone; whatever comes, the last takes it.
        self._alone: list[_Decoder] = [records]
        fast: list[_Decoder] = []
        if records.whole and kinds != unknown:
            optional = {name: kind for name, kind in kinds.items() if is_optional(kind)}
            required = {name: kind for name, kind in kinds.items() if name not in optional}
            fast = [RecordDecoder(required, optional, told_apart)]
        elif not records.whole:
            with suppress(NoShapeError):
                self._alone.insert(0, ShapedDecoder(unknown, told_apart))
            with suppress(NoShapeError):
                fast = [ShapedDecoder(kinds, told_apart)] if kinds != unknown else []
        self._ways = [*map(_Way, fast), _Way(self._alone[0])]

    def read(self, values: Sequence[bytes]) -> Read:
        """The fields of a batch of records."""
        if max(map(len, values), default=0) <= self._most_bytes:
            for way in self._ways:
                read = way.read(values)
                if read is not None:
                    return read
        return self._read_each(values)

    def _read_each(self, values: Sequence[bytes]) -> Read:
        records: list[list[Any]] = [[] for _ in self._alone]
        sources: list[list[int]] = [[] for _ in self._alone]
        faults: Faults = {}
        for source, value in enumerate(values):
            which, found = self._decoded(value)
            if which is None:
                faults[source] = found
            else:
                records[which].append(found)
                sources[which].append(source)
        parts = [each.columns(some) for each, some in zip(self._alone, records, strict=True)]
        stood = np.array([at for some in sources for at in some], np.int64)
        order = np.argsort(stood)
        columns = {name: _ordered([part[name] for part in parts], order) for name in parts[0]}
        return Read(columns, (), stood[order], faults)

    def _decoded(self, value: bytes) -> tuple[int | None, Any]:
        """A record, and which decoder it is of; or None and its fault."""
        if len(value) > self._most_bytes:
            most = f"at most {self._most_bytes} are taken (events.max_bytes)"
            return None, (Reason.TOO_LARGE, f"{len(value)} bytes, {most}")
        fault: Fault | None = None
        for which, decoder in enumerate(self._alone):
            try:
                return which, decoder.decode(value)
            except Exception as error:
                fault = diagnosis(value, error, self._reasons)
        return None, fault


def _ordered(parts: Sequence[Sequence[Any]], order: Ints) -> list[Any]:
    """Values of several parts, put in order."""
    values = [value for part in parts for value in part]
    return [values[at] for at in order.tolist()]
