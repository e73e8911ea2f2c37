"""From the features of a configuration to the numbers that they keep in shared windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from operators.features.amounts import Amount, Count, Known, SessionStarts, Value
from operators.features.choice import Chosen
from operators.features.decay import DecayWindow
from operators.features.derived import part_names
from operators.features.distinct import Distinct
from operators.features.spec import SESSION, FeatureSpec
from operators.features.tiling import Tiling
from operators.features.unmatched import Unmatched
from operators.features.windows import (
    GREATEST,
    LEAST,
    SUM,
    Fold,
    LifetimeWindow,
    SessionWindow,
    TileWindow,
    Window,
)


@dataclass(frozen=True)
class Member:
    """A number's place in a shared window: which amount goes to which column of it.

    The number is a feature, or a part of one that `Catalog.derived` makes of several.
    """

    name: str
    amount: Amount
    column: int


@dataclass(frozen=True)
class SharedWindow:
    """A window and the features that add up in it."""

    window: Window
    members: tuple[Member, ...]


@dataclass(frozen=True)
class HalfLife:
    """How long an amount takes to halve."""

    us: int


Span = Tiling | HalfLife | str  # how far back a window reaches; a text is SESSION or LIFETIME


@dataclass(frozen=True)
class Cells:
    """What the cells of a window hold: whole numbers or any, and how these come together."""

    fold: Fold = SUM
    whole: bool = False


COUNTS: Final = Cells(whole=True)
_SUMS: Final = Cells()


@dataclass(frozen=True)
class Part:
    """A number that a feature keeps in a window: under which name, how far back, of what."""

    name: str
    span: Span
    amount: Amount
    cells: Cells

    @property
    def window(self) -> str:
        """Parts of one name share a window; it names the field in state, too."""
        match self.span:
            case Tiling(tile_us, tiles):
                numbers = "counts" if self.cells.whole else self.cells.fold.name
                return f"window.{tile_us}x{tiles}.{numbers}"
            case HalfLife(us):
                return f"decay.{us}"
            case text:
                fold = self.cells.fold
                return f"window.{text}" if fold is SUM else f"window.{text}.{fold.name}"


# What the cells of a feature's window hold, if not sums.
_CELLS: Final = {
    **dict.fromkeys(("count", "unmatched", "sessions"), COUNTS),
    "min": Cells(LEAST),
    "max": Cells(GREATEST),
}


def parts(name: str, spec: FeatureSpec, chosen: Chosen) -> Iterator[Part]:
    """What a feature keeps in shared windows: itself, its parts, or nothing."""
    span, reads, types = span_of(spec), str(spec.reads), chosen.types
    made_of = part_names(name, spec)
    match spec.kind:
        case "mean":
            yield Part(made_of[0], span, Value(types, reads), _SUMS)
            yield Part(made_of[1], span, Known(types, reads), COUNTS)
        case "per_session":
            yield Part(made_of[0], span, Count(types), COUNTS)
            yield Part(made_of[1], span, SessionStarts(), COUNTS)
        case "distinct":
            distinct = Distinct(f"distinct.{name}", types, reads)
            yield Part(made_of[0], span, distinct, COUNTS)
        case "rate":
            for part, tiling in zip(made_of, spec.tilings(), strict=False):
                yield Part(part, tiling, Count(types), COUNTS)
        case _:
            amount = _amount(name, spec, chosen)
            if amount is not None:
                yield Part(name, span, amount, _CELLS.get(spec.kind, _SUMS))


def _amount(name: str, spec: FeatureSpec, chosen: Chosen) -> Amount | None:
    """What a feature adds up that is one number in a window, None for any other."""
    state, reads, types = f"{spec.kind}.{name}", str(spec.reads), chosen.types
    match spec.kind:
        case "count" | "decayed_count":
            return Count(types)
        case "sum" | "min" | "max" | "decayed_sum":
            return Value(types, reads)
        case "sessions":
            return SessionStarts()
        case "unmatched":
            tiling = spec.tiling()
            return Unmatched(state, types, chosen.by, reads, tiling.tile_us if tiling else None)
    return None


def span_of(spec: FeatureSpec) -> Span:
    """How far back a feature reaches."""
    if spec.half_life is not None:
        return HalfLife(spec.half_life_us)
    return spec.tiling() or str(spec.window_text)


def shared_windows(all_parts: Iterable[Part], session_gap_us: int) -> Iterator[SharedWindow]:
    """The parts, laid together where they can share a window."""
    in_order = sorted(all_parts, key=lambda part: (part.window, part.name))
    for name, sharing in groupby(in_order, key=lambda part: part.window):
        shared = list(sharing)
        members = tuple(
            Member(part.name, part.amount, column) for column, part in enumerate(shared)
        )
        first = shared[0]
        yield SharedWindow(
            window(name, first.span, first.cells, len(shared), session_gap_us), members
        )


def window(name: str, span: Span, cells: Cells, columns: int, session_gap_us: int) -> Window:
    """A window of so many columns, `name` in the layout."""
    match span:
        case Tiling():
            return TileWindow(name, span, "i4" if cells.whole else "f8", columns, cells.fold)
        case HalfLife(us):
            return DecayWindow(name, us, columns)
        case _ if span == SESSION:
            return SessionWindow(name, session_gap_us, columns, cells.fold)
        case _:
            return LifetimeWindow(name, columns, cells.fold)
