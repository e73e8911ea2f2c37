"""Stages files for the job: one file of raw events, in order, each with its lane's text.

A job that reads many files, some of them CSV, some compressed, would have to take rows apart
in the JVM before it could key them, and Flink would read them side by side, out of order. So
they are read once here, which also finds the newest event, and a resumed job finds the same
file again.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from flink_job.config.model import FileSource
from flink_job.runtime.atomic import whole_file
from operators.base.errors import UsageError
from operators.events.decode import EventDecoder
from operators.events.markers import BAD_ROW
from operators.events.spec import EventsSpec

LANE_WIDTH: Final = 8  # hexadecimal digits of a CRC-32
RETURN: Final = "\u010d"  # stands for a carriage return, at which Flink would end the line

_CR: Final = "\r"
_CHUNK: Final = 10_000  # records decoded together
_LONGEST_FIELD: Final = 64 * 1024 * 1024  # bytes of a CSV field; the default of 128 KiB is an error


@dataclass(frozen=True)
class Staged:
    """A staged file: how many records it has, and the newest usable time, None if there is none."""

    path: Path
    records: int
    newest_us: int | None


def stage(
    source: FileSource,
    events: EventsSpec,
    target: Path,
    latest_us: int,
    progress: Callable[[int], None],
) -> Staged:
    """Stage files into `target`; `progress` is told of each chunk how many records it had.

    Raises:
        UsageError: a file can't be read, or a CSV file has no usable header.
    """
    decoder = EventDecoder(events, (), (), (), keyed=False)
    records, newest_us = 0, -1
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as file, gzip.open(file, "wb", compresslevel=1) as out:
        values = (value for path in source.paths for value in read(Path(path), source))
        while chunk := list(islice(values, _CHUNK)):
            decoded = decoder.decode((), chunk, latest_us).events
            lanes = [f"{zlib.crc32(value):08x}" for value in chunk]
            for at, user in zip(decoded.source.tolist(), decoded.users, strict=True):
                lanes[at] = f"{zlib.crc32(user.encode()):08x}"
            out.write(b"".join(map(_line, lanes, chunk)))
            records += len(chunk)
            newest_us = max(newest_us, int(decoded.time_us.max(initial=-1)))
            progress(len(chunk))
    return Staged(target, records, None if newest_us < 0 else newest_us)


def _line(lane: str, value: bytes) -> bytes:
    """A record as a line of UTF-8: each byte of it is the character of its number."""
    return f"{lane}{value.decode('latin-1').replace(_CR, RETURN)}\n".encode()


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for its bytes as they lie on disk."""
    return path.open("rb")


def read(
    path: Path, source: FileSource, opened: Callable[[Path], BinaryIO] = open_bytes
) -> Iterator[bytes]:
    """The raw events of one file as JSON; blank lines are passed over.

    A CSV row becomes an object of its columns, all texts. One with other columns than the
    header becomes `BAD_ROW` and its text. `opened` opens the file, compressed or not.

    Raises:
        UsageError: the file can't be read, its format is not known, or it has no header.
    """
    kind = source.format or format_of(path)
    try:
        with opened(path) as raw, _decompressed(path, raw) as file:
            lines = _rows(file, path, source.columns) if kind == "csv" else _lines(file)
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def format_of(path: Path) -> str:
    """The format of a file by its name: csv or jsonl.

    Raises:
        UsageError: the name does not say.
    """
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        return "csv"
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return "jsonl"
    raise UsageError(
        f"{path}: expected a name ending in .csv, .jsonl, .ndjson or .json, with or without .gz; "
        "or say format: csv or jsonl"
    )


def _decompressed(path: Path, raw: BinaryIO) -> BinaryIO:
    if path.suffix == ".gz":
        return gzip.open(raw, "rb")  # type: ignore[return-value] # GzipFile is one in all but name
    return raw


def _lines(file: Iterable[bytes]) -> Iterator[bytes]:
    return (line for raw in file if (line := raw.strip(b"\r\n")))


def _rows(file: BinaryIO, path: Path, columns: Sequence[str] | None) -> Iterator[bytes]:
    csv.field_size_limit(_LONGEST_FIELD)
    # Bytes that are not UTF-8 come through as surrogates, and go out as the bytes they were.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(text)
    header = list(columns) if columns else next(rows, None)
    if not header or len(set(header)) < len(header) or "" in header:
        raise UsageError(f"{path}: expected a first line of column names, each once")
    encode = msgspec.json.Encoder().encode
    try:
        for row in rows:
            if len(row) != len(header):
                if row:
                    yield BAD_ROW + _bytes(row)
                continue
            try:
                yield encode(dict(zip(header, row, strict=True)))
            except UnicodeEncodeError:
                yield _bytes(row)
    except csv.Error as error:
        raise UsageError(f"{path}: line {rows.line_num}: {error}") from None


def _bytes(row: Sequence[str]) -> bytes:
    """A row as a line of CSV, byte for byte as it was read but for its quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue().replace("\n", " ").encode("utf-8", "surrogateescape")
