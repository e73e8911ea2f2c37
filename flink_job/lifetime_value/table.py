"""Customers from a table, CSV or Parquet, that has them summed up already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flink_job.lifetime_value.customers import Customers
from operators.base.arrays import Floats
from operators.base.errors import UsageError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: Final = ("customer", "frequency", "recency", "T", "monetary_value")


def read_customers(path: Path, columns: Sequence[str] = COLUMNS) -> Customers:
    """The customers of a table, whose columns are named in the order of `COLUMNS`.

    Raises:
        UsageError: it can't be read, a column is missing, or a number is none.
    """
    table = _table(path)
    for name in columns:
        if name not in table.column_names:
            hint = (
                nearest(name, table.column_names) or f"; there are {', '.join(table.column_names)}"
            )
            raise UsageError(f"{path}: there is no column '{name}'{hint}")
    customer, *numbers = columns
    names = [str(each) for each in table.column(customer).to_pylist()]
    return Customers(names, *(_numbers(path, table, name) for name in numbers)).checked(str(path))


def _numbers(path: Path, table: pa.Table, name: str) -> Floats:
    import pyarrow as pa  # noqa: PLC0415 - a quarter of a second

    try:
        column = table.column(name).cast(pa.float64())
        found: Floats = column.to_numpy().astype(np.float64)
    except (pa.ArrowException, ValueError):
        raise UsageError(f"{path}: the column '{name}' has what is no number") from None
    return found


def _table(path: Path) -> Any:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv, parquet  # noqa: PLC0415

    try:
        if path.suffix == ".parquet":
            return parquet.read_table(path)
        return csv.read_csv(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (pa.ArrowException, ValueError) as error:
        raise UsageError(
            f"{path}: no table that can be read: {' '.join(str(error).split())}"
        ) from None
