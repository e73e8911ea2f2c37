"""Tables as CSV or Parquet files, which are there when they are complete."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from flink_job.runtime.atomic import whole_file
from flink_job.tables.dictionary import TableColumn
from flink_job.tables.flat import FlatRow, FlatTable
from operators.base.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

TableFormat = Literal["csv", "parquet"]
TABLE_FORMATS: Final = ("csv", "parquet")

_ROWS: Final = 50_000  # of a row group of Parquet: all that is in memory
_NOTHING: Final[dict[str, Any]] = {"whole": 0, "number": 0.0}


def write_table(table: FlatTable, folder: Path, format_: TableFormat) -> tuple[Path, int]:
    """Write a table into a folder; gives the file, and how many rows it has.

    Raises:
        UsageError: it can't be written.
    """
    path = folder / f"{table.name}.{format_}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            return path, _WRITERS[format_](table, file)
    except OSError as error:
        raise UsageError(f"--to: {path} can't be written: {error.strerror or error}") from error


def _csv(table: FlatTable, file: BinaryIO) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer, count = csv.writer(text), 0
    writer.writerow(each.name for each in table.columns)
    for count, row in enumerate(table.rows, start=1):  # noqa: B007 - how many there were
        writer.writerow(_cells(table, row))
    text.detach()
    return count


def _parquet(table: FlatTable, file: BinaryIO) -> int:
    import pyarrow as pa  # noqa: PLC0415 - a quarter of a second
    from pyarrow import parquet  # noqa: PLC0415

    schema, count = _schema(table), 0
    with parquet.ParquetWriter(file, schema) as writer:
        for rows in _chunks(table.rows):
            cells = [_cells(table, row) for row in rows]
            arrays = [
                pa.array([_typed(column, each) for each in values], schema.field(at).type)
                for at, (column, values) in enumerate(
                    zip(table.columns, zip(*cells, strict=True), strict=True)
                )
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


_WRITERS: Final[dict[TableFormat, Callable[[FlatTable, BinaryIO], int]]] = {
    "csv": _csv,
    "parquet": _parquet,
}


def _cells(table: FlatTable, row: FlatRow) -> list[Any]:
    """The cells of a row; an outcome, step or period of which nothing is told is 0."""
    return [
        row.get(each.name, _NOTHING.get(each.type) if each.counted else None)
        for each in table.columns
    ]


def _typed(column: TableColumn, cell: Any) -> Any:
    return date.fromisoformat(cell) if column.type == "day" and cell is not None else cell


def _chunks(rows: Iterable[FlatRow]) -> Iterator[list[FlatRow]]:
    left = iter(rows)
    while chunk := list(islice(left, _ROWS)):
        yield chunk


def _schema(table: FlatTable) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    types = {"text": pa.string(), "day": pa.date32(), "whole": pa.int64(), "number": pa.float64()}
    return pa.schema([(each.name, types[each.type]) for each in table.columns])
