"""The records of a file, whatever its format, as JSON objects that the job reads."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from flink_job.config.model import FileSource
from flink_job.staging import parquet
from flink_job.staging.containers import FilePart, parts, seekable, told
from flink_job.staging.encodings import UTF_8, WINDOWS, encoding_of, marked
from flink_job.staging.formats import FileFormat, format_of
from flink_job.staging.json_texts import values
from flink_job.staging.sought import NOTHING_SOUGHT, Sought
from flink_job.staging.tables import Hear, table_rows
from flink_job.staging.unfolding import unfolded

_BLOCK_BYTES: Final = 64 * 1024
_UTF_8: Final = (UTF_8, "utf-8-sig", "utf8")


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for its bytes as they lie on disk."""
    return path.open("rb")


def _unheard(_: str) -> None:
    pass


def read(
    path: Path,
    source: FileSource,
    opened: Callable[[Path], BinaryIO] = open_bytes,
    sought: Sought = NOTHING_SOUGHT,
    hear: Hear = _unheard,
) -> Iterator[bytes]:
    """The raw events of one file as JSON; blank lines are passed over.

    A row of a table becomes an object of its columns, all texts. One with other columns than the
    header becomes `BAD_ROW` and its text. `opened` opens the file as it lies on disk. `hear` is
    told what was found out of how the file is written.

    Raises:
        UsageError: the file can't be read, its format is not known, or it has no header.
    """
    for part in parts(path, opened):
        with told(part.name):
            records = _records(part, source, sought, hear)
            yield from records if sought.each is None else unfolded(records, sought.each)


def _records(part: FilePart, source: FileSource, sought: Sought, hear: Hear) -> Iterator[bytes]:
    match _format(part, source):
        case "parquet":
            with seekable(part) as file:
                yield from parquet.rows(file, part.name)
        case "jsonl":
            yield from _lines(_utf_8(part, source, hear))
        case "json":
            yield from values(_blocks(_utf_8(part, source, hear)), part.name)
        case "csv" | "tsv" as kind:
            yield from table_rows(part, source, sought, hear, tabs=kind == "tsv")


def _format(part: FilePart, source: FileSource) -> FileFormat:
    if source.format is not None:
        return source.format
    encoding = source.encoding or encoding_of(part.head)
    return format_of(part.name, part.head.decode(encoding, errors="replace").encode())


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return (line for raw in file if (line := raw.strip(b"\r\n")))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, _BLOCK_BYTES), b"")


def _utf_8(part: FilePart, source: FileSource, hear: Hear) -> BinaryIO:
    """A part in UTF-8, without a mark."""
    encoding = marked(part.head) or source.encoding or encoding_of(part.head)
    if encoding == WINDOWS and source.encoding is None:
        hear(f"{part.name}: JSON must be UTF-8, and this is not: say encoding: {WINDOWS}?")
    elif encoding.lower() not in _UTF_8:
        text = io.TextIOWrapper(part.file, encoding=encoding, errors="replace", newline="")
        return cast(BinaryIO, io.BufferedReader(_Encoded(text), _BLOCK_BYTES))
    if part.head.startswith(BOM_UTF8):
        part.file.read(len(BOM_UTF8))
    return part.file


class _Encoded(io.RawIOBase):
    """A text as UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # a Buffer, in typeshed
        if not self._waiting:
            self._waiting = self._text.read(_BLOCK_BYTES).encode(UTF_8, "replace")
        taken, self._waiting = self._waiting[: len(buffer)], self._waiting[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
