"""Parquet files as records: a row is an object of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from operators.base.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS: Final = 10_000  # taken out of the file together


def rows(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Its rows as JSON: times as ISO 8601 texts, decimals as texts, NaN and infinite as null.

    Raises:
        UsageError: it is no Parquet file, or a broken one.
    """
    import pyarrow as pa  # noqa: PLC0415 - a quarter of a second, and few files are Parquet

    table = _opened(file, name)
    encode = msgspec.json.Encoder(enc_hook=_text).encode
    try:
        for batch in table.iter_batches(_ROWS):
            yield from map(encode, _readable(batch).to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"{name}: {_line(error)}") from None


def _opened(file: BinaryIO, name: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        return ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"{name}: no Parquet file, or a broken one: {_line(error)}") from None


def _readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns as Python and JSON can have them: microseconds, and text not as bytes."""
    import pyarrow as pa  # noqa: PLC0415

    columns = list(map(_column, batch.columns))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _column(column: pa.Array) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_binary(column.type):
        with suppress(pa.ArrowInvalid):  # it stays what it is, and becomes Base64
            return column.cast(pa.string())
    return column


def _text(value: object) -> object:
    """What JSON has no form for: as text."""
    return str(value)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
