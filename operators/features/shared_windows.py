"""From the features of a configuration to the numbers that they keep in shared windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from operators.features.accumulators import Accumulator
from operators.features.calendar import Calendar
from operators.features.calendar_window import CalendarWindow
from operators.features.decay import DecayWindow
from operators.features.tile_window import TileWindow
from operators.features.tiling import Tiling
from operators.features.windows import (
    SESSION,
    SUM,
    Fold,
    LifetimeWindow,
    SessionWindow,
    Window,
)


@dataclass(frozen=True)
class WindowColumn:
    """A number's place in a shared window: what accumulates in which column of it.

    The number is a feature, or a part of one that `Catalog.derived` makes of several.
    """

    name: str
    accumulator: Accumulator
    column: int


@dataclass(frozen=True)
class SharedWindow:
    """A window and the features that add up in it."""

    window: Window
    members: tuple[WindowColumn, ...]


@dataclass(frozen=True)
class HalfLife:
    """How long an amount takes to halve."""

    us: int


# How far back a window reaches; a text is SESSION or LIFETIME.
Span = Tiling | Calendar | HalfLife | str


@dataclass(frozen=True)
class CellType:
    """What the cells of a window hold: whole numbers or any, and how these come together."""

    fold: Fold = SUM
    whole: bool = False


COUNTS: Final = CellType(whole=True)
SUMS: Final = CellType()


@dataclass(frozen=True)
class WindowPart:
    """A number that a feature keeps in a window: under which name, how far back, of what."""

    name: str
    span: Span
    accumulator: Accumulator
    cells: CellType

    @property
    def window(self) -> str:
        """Parts of one name share a window; it names the field in state, too."""
        numbers = "counts" if self.cells.whole else self.cells.fold.name
        match self.span:
            case Tiling(tile_us, tiles):
                return f"window.{tile_us}x{tiles}.{numbers}"
            case Calendar(word, zone):
                return f"window.{word} {zone}.{numbers}"
            case HalfLife(us):
                return f"decay.{us}"
            case text:
                fold = self.cells.fold
                return f"window.{text}" if fold is SUM else f"window.{text}.{fold.name}"


def shared_windows(all_parts: Iterable[WindowPart], session_gap_us: int) -> Iterator[SharedWindow]:
    """The parts, laid together where they can share a window."""
    in_order = sorted(all_parts, key=lambda part: (part.window, part.name))
    for name, sharing in groupby(in_order, key=lambda part: part.window):
        shared = list(sharing)
        members = tuple(
            WindowColumn(part.name, part.accumulator, column) for column, part in enumerate(shared)
        )
        first = shared[0]
        yield SharedWindow(
            window(name, first.span, first.cells, len(shared), session_gap_us), members
        )


def window(name: str, span: Span, cells: CellType, columns: int, session_gap_us: int) -> Window:
    """A window of so many columns, `name` in the layout."""
    dtype = "i4" if cells.whole else "f8"
    match span:
        case Tiling():
            return TileWindow(name, span, dtype, columns, cells.fold)
        case Calendar():
            return CalendarWindow(name, span, dtype, columns, cells.fold)
        case HalfLife(us):
            return DecayWindow(name, us, columns)
        case _ if span == SESSION:
            return SessionWindow(name, session_gap_us, columns, cells.fold)
        case _:
            return LifetimeWindow(name, columns, cells.fold)
