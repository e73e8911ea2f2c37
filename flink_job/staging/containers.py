"""What is in a file: itself, what a .gz holds, or each member of a .zip."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast
from zipfile import BadZipFile, ZipFile

from operators.base.errors import UsageError

HEAD_BYTES: Final = 256 * 1024  # by which formats, encodings and separators are found

_BUFFER_BYTES: Final = 1024 * 1024
_ENCRYPTED: Final = 1  # bit of a member's flags
_HIDDEN: Final = (".", "__MACOSX")


class FilePart:
    """A text or table in a file: its name, for people, its `head`, and `file`, which begins there.

    One that is a file of its own, as it lies on disk, has a `path`.
    """

    def __init__(self, name: str, file: BinaryIO, path: Path | None = None) -> None:
        self.name = name
        self.path = path
        self.head = _read(file, HEAD_BYTES)
        self.whole = len(self.head) < HEAD_BYTES  # whether the head is all
        self.file = cast(BinaryIO, io.BufferedReader(_Rewound(self.head, file), _BUFFER_BYTES))


def parts(path: Path, opened: Callable[[Path], BinaryIO]) -> Iterator[FilePart]:
    """What a file holds, each part open until the next is asked for.

    Raises:
        UsageError: it can't be read: it is not there, cut off, broken or encrypted.
    """
    with told(str(path)), opened(path) as raw:
        if path.suffix.lower() == ".zip":
            yield from _members(path, raw)
        else:
            yield _part(str(path), raw, path)


@contextmanager
def told(name: str) -> Iterator[None]:
    """Tell what can't be read of a file as a line that names it."""
    try:
        yield
    except EOFError:
        raise UsageError(f"{name}: the file is cut off: its compressed data has no end") from None
    except (OSError, zlib.error, BadZipFile, NotImplementedError) as error:
        raise UsageError(f"{name}: {getattr(error, 'strerror', None) or error}") from None


@contextmanager
def seekable(part: FilePart) -> Iterator[BinaryIO]:
    """A part as a file in which places can be gone to: itself, or a copy on disk."""
    if part.path is not None:
        with part.path.open("rb") as file:
            yield file
        return
    with TemporaryFile() as copy:
        shutil.copyfileobj(part.file, copy, _BUFFER_BYTES)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def _members(path: Path, raw: BinaryIO) -> Iterator[FilePart]:
    with ZipFile(raw) as archive:
        for member in archive.infolist():
            name = f"{path}:{member.filename}"
            if member.is_dir() or any(x.startswith(_HIDDEN) for x in Path(member.filename).parts):
                continue
            if member.flag_bits & _ENCRYPTED:
                raise UsageError(f"{name}: it is encrypted: unpack it")
            with told(name), archive.open(member) as file:
                yield _part(name, cast(BinaryIO, file))


def _part(name: str, raw: BinaryIO, path: Path | None = None) -> FilePart:
    if name.lower().endswith(".gz"):
        return FilePart(name, cast(BinaryIO, gzip.open(raw, "rb")))
    return FilePart(name, raw, path)


def _read(file: BinaryIO, most: int) -> bytes:
    """So many bytes, or all that there are: one call may give fewer."""
    blocks = []
    while most > 0 and (block := file.read(most)):
        blocks.append(block)
        most -= len(block)
    return b"".join(blocks)


class _Rewound(io.RawIOBase):
    """A file whose head has been read already, and comes again."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = memoryview(head)
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # a Buffer, in typeshed
        if len(self._head):
            taken = self._head[: len(buffer)]
            self._head = self._head[len(taken) :]
        else:
            taken = memoryview(self._file.read(len(buffer)))
        buffer[: len(taken)] = taken
        return len(taken)
