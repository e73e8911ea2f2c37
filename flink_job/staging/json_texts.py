"""JSON that is no JSON lines: an array, or values over several lines, read as a stream.

Where a value ends is told by its brackets alone. So a value with a mistake inside is a record
as any other, and harms none of its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from operators.base.errors import UsageError

_LONGEST: Final = 64 * 1024 * 1024  # bytes of a value; what is longer lacks a quote or a bracket

# Up to the next bracket, over whole strings. Possessive: what is passed over is not tried again.
_TO_BRACKET: Final = re.compile(rb'(?:[^][{}"]++|"(?:[^"\\]++|\\.)*+")*+([][{}])', re.DOTALL)
_SCALAR: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^\s,\]}\["{]++', re.DOTALL)
_BETWEEN: Final = re.compile(rb"[\s,]*+")
_OPENING: Final = (b"[", b"{")


def first_value(text: bytes) -> bytes | None:
    """The first value of a text, None if it does not end there."""
    end = _end(text, 0, whole=True)
    return None if end is None else text[:end]


def values(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The values of an array, or those that follow each other, byte for byte but on one line.

    Raises:
        UsageError: the text ends within one, or one does not end; with its line.
    """
    return _Values(iter(chunks), name).read()


class _Values:
    """Reads values from chunks, of which it keeps what it has not given yet."""

    def __init__(self, chunks: Iterator[bytes], name: str) -> None:
        self._chunks = chunks
        self._name = name
        self._text = b""
        self._at = 0
        self._lines = 0  # before `_text`
        self._whole = False  # whether no more is to come

    def read(self) -> Iterator[bytes]:
        self._pass_over()
        in_array = self._text.startswith(b"[", self._at)
        self._at += in_array
        while True:
            self._pass_over()
            if self._at == len(self._text):
                if in_array:
                    raise UsageError(f"{self._where()}: the array is not closed: the file is cut")
                return
            if in_array and self._text.startswith(b"]", self._at):
                self._at += 1
                in_array = False  # what follows is one value after another
                continue
            yield self._value()

    def _value(self) -> bytes:
        while (end := _end(self._text, self._at, whole=self._whole)) is None:
            if len(self._text) - self._at > _LONGEST:
                raise UsageError(
                    f"{self._where()}: what begins here has no end within {_LONGEST:,} bytes: "
                    "a quote or a bracket is not closed"
                )
            if not self._more():
                raise UsageError(f"{self._where()}: what begins here has no end: the file is cut")
        value = self._text[self._at : end]
        self._at = end
        return value.replace(b"\n", b" ")

    def _pass_over(self) -> None:
        """Go to where something begins, or to the end."""
        while True:
            self._at = _BETWEEN.match(self._text, self._at).end()  # type: ignore[union-attr] # always
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Read on, by as much again as is waiting, so that a long value is not looked at often."""
        if self._whole:
            return False
        self._lines += self._text.count(b"\n", 0, self._at)
        waiting = self._text[self._at :]
        parts = [waiting]
        added = 0
        for chunk in self._chunks:
            parts.append(chunk)
            added += len(chunk)
            if added >= len(waiting):
                break
        else:
            self._whole = True
        self._text, self._at = b"".join(parts), 0
        return True

    def _where(self) -> str:
        line = self._lines + self._text.count(b"\n", 0, self._at) + 1
        return f"{self._name}: line {line}"


def _end(text: bytes, start: int, *, whole: bool) -> int | None:
    """Where the value that begins at a place ends, None if not in this text.

    A scalar at the end of the text goes on unless the text is `whole`.
    """
    if text[start : start + 1] not in _OPENING:
        scalar = _SCALAR.match(text, start)
        if scalar is None:  # a bracket that closes nothing, or a string without an end
            return None if text.startswith(b'"', start) else start + 1
        return scalar.end() if whole or scalar.end() < len(text) else None
    at, depth = start, 0
    while (found := _TO_BRACKET.match(text, at)) is not None:
        at = found.end()
        depth += 1 if found[1] in _OPENING else -1
        if depth == 0:
            return at
    return None
