"""Texts and rows as a terminal shows them safely: what is in them may come from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import Console

_MEASURED: Final = 500  # rows that decide how wide columns are
_WIDEST: Final = 60
_GAP: Final = "  "


def printable(text: str) -> str:
    """A text with all that does not print (control characters, line ends) as escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def warn(console: Console, text: str) -> None:
    """Say in a line what can hardly be meant."""
    console.print(f"[yellow]![/] {escape(printable(text))}", soft_wrap=True, highlight=False)


def shortened(text: str, most: int) -> str:
    """The beginning of a text, and how long it is if that is not all."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of columns below a header, as they come; nothing is cut off."""
    printed = ([printable(cell) for cell in line] for line in lines)
    first = [list(header), *islice(printed, _MEASURED)]
    widths = [min(max(map(cell_len, column)), _WIDEST) for column in zip(*first, strict=True)]
    widths[-1] = 0  # nothing follows
    for line in chain(first, printed):
        yield _GAP.join(map(_padded, line, widths)).rstrip()


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))
