"""Tables of text as records: a row is an object of its columns, all texts."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from flink_job.config.model import FileSource
from flink_job.staging.containers import FilePart
from flink_job.staging.delimited import OpenQuote, read_rows
from flink_job.staging.dialects import (
    NAMES,
    Dialect,
    decimal_of,
    first_rows,
    separator_of,
    with_point,
)
from flink_job.staging.encodings import UTF_8, WINDOWS, encoding_of, marked
from flink_job.staging.sought import Sought
from operators.base.errors import UsageError
from operators.events.markers import BAD_ROW, open_quote

_TABS: Final = "\t"
_SAYS: Final = re.compile(r"sep=(.)\r?\n")  # what some spreadsheets write above the header
_SAMPLE_LINES: Final = 1_000
_WHOLE: Final = re.compile(r"-?\d{1,40}\.0", re.ASCII)  # what pandas writes of a number in a gap

Hear = Callable[[str], None]


def table_rows(
    part: FilePart, source: FileSource, sought: Sought, hear: Hear, *, tabs: bool
) -> Iterator[bytes]:
    """The rows of a table. One with other columns than the header is `BAD_ROW` and its text.

    `hear` is told what was found out and not said: encoding, separator, decimal sign.

    Raises:
        UsageError: there is no header, or a name that is sought stands in it twice.
    """
    encoding = _encoding(part, source, hear)
    lines = _head_lines(part, encoding)
    says = _SAYS.match(lines[0]) if lines else None
    dialect = _dialect(lines[bool(says) :], source, sought, tabs=tabs)
    if says and source.separator is None:
        dialect = Dialect(says[1], dialect.quote)
    if source.separator is None and dialect.separator != (_TABS if tabs else ","):
        hear(f"{part.name}: columns are separated by {NAMES.get(dialect.separator, 'others')}")
    text = _text(part, encoding)
    if says:
        next(text)
    rows = read_rows(text, dialect, len(source.columns) if source.columns else None)
    header = _header(part.name, source.columns or next(rows, None), sought)
    sample = first_rows(lines, dialect)
    numbers = [at for at, name in enumerate(header) if name in sought.numbers]
    decimal = source.decimal or _decimal(part.name, header, sample, numbers, hear)
    ids = [at for at, name in enumerate(header) if name in sought.ids]
    rows = _with_whole_ids(rows, ids, partial(_hear_of_id, part.name, header, hear))
    yield from _records(rows, header, dialect, numbers if decimal else (), decimal or "")


def _with_whole_ids(
    rows: Iterator[list[str] | OpenQuote], ids: Collection[int], tell: Callable[[int, str], None]
) -> Iterator[list[str] | OpenQuote]:
    """Rows in whose id columns 12345.0 is the whole number that it is; the first is told."""
    told = False
    for row in rows:
        if not isinstance(row, OpenQuote):
            for at in ids:
                if at < len(row) and row[at].endswith(".0") and _WHOLE.fullmatch(row[at]):
                    if not told:
                        tell(at, row[at])
                        told = True
                    row[at] = row[at][:-2]
        yield row


def _hear_of_id(name: str, header: Sequence[str], hear: Hear, at: int, cell: str) -> None:
    hear(f"{name}: whole numbers in '{header[at]}' are written as {cell}: read as {cell[:-2]}")


def _records(
    rows: Iterator[list[str] | OpenQuote],
    header: Sequence[str],
    dialect: Dialect,
    numbers: Collection[int],
    decimal: str,
) -> Iterator[bytes]:
    encode, width = msgspec.json.Encoder().encode, len(header)
    for row in rows:
        if isinstance(row, OpenQuote):
            yield open_quote(row.line, row.text.encode(UTF_8, "surrogateescape"))
        elif len(row) == width:
            for at in numbers:
                row[at] = with_point(row[at], decimal)
            try:
                yield encode(dict(zip(header, row, strict=True)))
            except UnicodeEncodeError:
                yield _bytes(row, dialect)
        elif row:
            yield BAD_ROW + _bytes(row, dialect)


def _encoding(part: FilePart, source: FileSource, hear: Hear) -> str:
    if source.encoding is not None:
        return marked(part.head) or source.encoding
    encoding = encoding_of(part.head)
    if encoding == WINDOWS:
        hear(f"{part.name}: not UTF-8: read as {WINDOWS}; if it is another, say encoding:")
    return encoding


def _text(part: FilePart, encoding: str) -> io.TextIOWrapper:
    # Bytes that are not UTF-8 come through as surrogates, and go out as the bytes they were.
    errors = "replace" if encoding.lower().startswith(("utf-16", "utf-32")) else "surrogateescape"
    return io.TextIOWrapper(part.file, encoding=encoding, errors=errors, newline="")


def _head_lines(part: FilePart, encoding: str) -> list[str]:
    """The first lines, all of them whole."""
    text = io.StringIO(part.head.decode(encoding, errors="replace"), newline="")
    lines = text.readlines()[:_SAMPLE_LINES]
    return lines if part.whole or len(lines) == _SAMPLE_LINES else lines[:-1]


def _dialect(lines: Sequence[str], source: FileSource, sought: Sought, *, tabs: bool) -> Dialect:
    quote = None if source.quote == "none" else source.quote or '"'
    if tabs:
        return Dialect(source.separator or _TABS, quote)
    columns = len(source.columns) if source.columns else None
    return Dialect(source.separator or separator_of(lines, quote, sought.fields, columns), quote)


def _header(name: str, row: Sequence[str] | OpenQuote | None, sought: Sought) -> list[str]:
    """Names for all columns: one without a name, or with that of another, is named by its place."""
    if not row or isinstance(row, OpenQuote):
        raise UsageError(f"{name}: expected a first line of column names")
    names = [cell.strip() for cell in row]
    twice = {each for each, count in Counter(names).items() if count > 1}
    for each in sorted(twice & sought.fields):
        places = " and ".join(str(at) for at, x in enumerate(names, start=1) if x == each)
        raise UsageError(
            f"{name}: columns {places} are both named '{each}': give one another name, or "
            "name all in source.files.columns"
        )
    return [
        each if each and names.index(each) == at else f"column {at + 1}"
        for at, each in enumerate(names)
    ]


def _decimal(
    name: str,
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    numbers: Sequence[int],
    hear: Hear,
) -> str | None:
    """The decimal sign, None where all numbers are as they are everywhere."""
    width = len(header)
    cells = {row[at] for row in sample[1:] if len(row) == width for at in numbers}
    with_commas = sorted(cell for cell in cells if "," in cell)
    if not with_commas:
        return None
    decimal = decimal_of(cells)
    if decimal is None:
        hear(
            f"{name}: what the comma in a number such as {with_commas[0]} means can't be told: "
            "say decimal: ',' or decimal: '.'"
        )
    elif decimal == ",":
        hear(f"{name}: the comma is the decimal sign")
    return decimal


def _bytes(row: Sequence[str], dialect: Dialect) -> bytes:
    """A row as a line, byte for byte as it was read but for its quotes."""
    line = io.StringIO()
    options: dict[str, Any] = dialect.options()
    if dialect.quote is None:
        line.write(dialect.separator.join(row))
    else:
        csv.writer(line, lineterminator="", **options).writerow(row)
    return line.getvalue().replace("\n", " ").encode(UTF_8, "surrogateescape")
