"""In which encoding a text is: as its mark says, or as its bytes are."""

from __future__ import annotations

import codecs
from typing import Final

UTF_8: Final = "utf-8"
WINDOWS: Final = "windows-1252"  # what spreadsheets write in western Europe and America

# The longer mark first: that of UTF-32 begins as that of UTF-16 does.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SOME: Final = 4  # characters that are enough to see where UTF-16 has its zeros


def marked(head: bytes) -> str | None:
    """The encoding that a byte order mark says, None if there is no mark."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins with `head`.

    What is not UTF-8 is taken for windows-1252 if nothing in it beyond ASCII is UTF-8: one that has
    both has broken bytes.
    """
    return marked(head) or _utf_16(head) or (WINDOWS if _is_windows(head) else UTF_8)


def _utf_16(head: bytes) -> str | None:
    """UTF-16 without a mark: Latin letters have a zero in every other byte."""
    begin = head[: 2 * _SOME]
    if len(begin) < 2 * _SOME:
        return None
    low, high = begin[::2], begin[1::2]
    if not any(high) and _is_text(low):
        return "utf-16-le"
    return "utf-16-be" if not any(low) and _is_text(high) else None


def _is_text(some: bytes) -> bool:
    return all(char.isprintable() or char in "\t\r\n" for char in some.decode("latin-1"))


def _is_windows(head: bytes) -> bool:
    beyond = bytes(byte for byte in head if byte >= 0x80) if not head.isascii() else b""
    if not beyond:
        return False
    # A character of UTF-8 is a byte of 0xC2 to 0xF4 and some of 0x80 to 0xBF behind it.
    if any(ord(char) >= 0x80 for char in set(head.decode(UTF_8, errors="ignore"))):
        return False
    try:
        head.decode(WINDOWS)
    except UnicodeDecodeError:
        return False
    return True
