"""From the features of a configuration to what computes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Final

import msgspec

from operators.durations import parse_duration_us
from operators.features.amounts import (
    Amount,
    Count,
    Distinct,
    Known,
    SessionStarts,
    Value,
)
from operators.features.choice import Choice, Filter
from operators.features.ends import FIRST, NEWEST, EndValue, Since
from operators.features.funnels import Funnel
from operators.features.spec import ANY, SESSION, FeatureSpec
from operators.features.tiling import Tiling
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
from operators.frame import FeatureColumn, Kind

_LATE_BY_DEFAULT: Final = Tiling.cut("1d", "1h")  # where no feature has a window of a duration


@dataclass(frozen=True)
class Member:
    """A number's place in a shared window: which amount goes to which column of it.

    The number is a feature, or a part of one that `Catalog.means` makes of two.
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
class Catalog:
    """All features of a configuration, ready to be computed.

    `columns` are what rules and clusters see, in the order of the configuration. `retained`
    is the longest window: an event older than it, by its user's newest one, is late.
    """

    columns: Mapping[str, FeatureColumn]
    event_types: tuple[str, ...]
    numbers: frozenset[str]
    texts: frozenset[str]
    windows: tuple[SharedWindow, ...]
    ends: Mapping[str, Since | EndValue]
    funnels: Mapping[str, Funnel]
    means: Mapping[str, tuple[str, str]]  # name -> the names of its sum and its count
    durations: Mapping[str, int]  # name -> unit in microseconds
    retained: Tiling
    session_gap_us: int
    uses_sessions: bool
    identities: Mapping[str, str]  # of features and parts: equal where state means the same

    @classmethod
    def compile(cls, features: Mapping[str, FeatureSpec], session_gap_us: int) -> Catalog:
        """Compile features in which `spec.problems` finds none."""
        types = tuple(sorted({name for spec in features.values() for name in spec.known_types}))
        chosen = {name: _choice(spec, types) for name, spec in features.items()}
        reads = [(spec.reads, spec.reads_number) for spec in features.values() if spec.reads]
        filters = [choice.where for choice in chosen.values() if choice.where is not None]
        tilings = [tiling for spec in features.values() if (tiling := spec.tiling())]
        return cls(
            columns={name: _column(name, spec, session_gap_us) for name, spec in features.items()},
            event_types=types,
            numbers=frozenset(name for name, number in reads if number).union(
                *(where.numbers for where in filters)
            ),
            texts=frozenset(name for name, number in reads if not number).union(
                *(where.texts for where in filters)
            ),
            windows=tuple(_windows(features, chosen, session_gap_us)),
            ends={
                name: _end(name, spec, chosen[name])
                for name, spec in features.items()
                if spec.kind in ("since", "since_first", "last", "first")
            },
            funnels={
                name: _funnel(name, spec, types)
                for name, spec in features.items()
                if spec.kind == "funnel"
            },
            means={
                name: _parts_of_mean(name) for name, spec in features.items() if spec.kind == "mean"
            },
            durations={
                name: spec.unit_us for name, spec in features.items() if spec.kind == "duration"
            },
            retained=max(tilings, key=lambda tiling: tiling.window_us, default=_LATE_BY_DEFAULT),
            session_gap_us=session_gap_us,
            uses_sessions=any(_by_session(spec) for spec in features.values()),
            identities={
                part: _identity(part, spec, session_gap_us)
                for name, spec in features.items()
                for part in (name, *_parts_of_mean(name))
            },
        )


def _identity(name: str, spec: FeatureSpec, session_gap_us: int) -> str:
    """A feature by its name and definition: one that is defined anew is another feature."""
    kept = msgspec.structs.replace(spec, unit=None, one_hot=None)  # how it is shown
    gap_us = session_gap_us if _by_session(spec) else None
    definition = msgspec.json.encode((kept, gap_us))
    return f"{name} {sha256(definition).hexdigest()[:16]}"


def _by_session(spec: FeatureSpec) -> bool:
    return spec.kind in ("duration", "sessions") or spec.window == SESSION


def _choice(spec: FeatureSpec, known: tuple[str, ...]) -> Choice:
    names = spec.event_types
    codes = None if names is None else tuple(known.index(name) for name in names)
    return Choice(codes, len(known), None if spec.where is None else Filter(spec.where))


def _column(name: str, spec: FeatureSpec, session_gap_us: int) -> FeatureColumn:
    identity = _identity(name, spec, session_gap_us)
    match spec.kind:
        case "since" | "since_first":
            return FeatureColumn(name, Kind.AGE, unit_us=spec.unit_us, identity=identity)
        case "last" | "first" if not spec.reads_number:
            categories = tuple(spec.one_hot or ())
            return FeatureColumn(name, Kind.CATEGORY, categories=categories, identity=identity)
        case "count" | "sum" | "distinct" | "sessions" | "funnel":
            return FeatureColumn(name, Kind.NUMBER, empty=0.0, identity=identity)
        case _:
            return FeatureColumn(name, Kind.NUMBER, identity=identity)


def _funnel(name: str, spec: FeatureSpec, known: tuple[str, ...]) -> Funnel:
    steps = [
        Choice(None if step == ANY else (known.index(step),), len(known))
        for step in spec.funnel or ()
    ]
    return Funnel(f"funnel.{name}", steps, parse_duration_us(str(spec.within)))


def _end(name: str, spec: FeatureSpec, types: Choice) -> Since | EndValue:
    end = FIRST if spec.kind in ("first", "since_first") else NEWEST
    if spec.kind in ("since", "since_first"):
        return Since(f"{spec.kind}.{name}", types, end)
    return EndValue(f"{spec.kind}.{name}", types, str(spec.reads), spec.reads_number, end)


@dataclass(frozen=True)
class _Part:
    """A number that a feature keeps in a window: under which name, of what, and how."""

    name: str
    spec: FeatureSpec
    amount: Amount
    fold: Fold = SUM
    whole: bool = False

    @property
    def window(self) -> str:
        """Parts of one name share a window; it names the field in state, too."""
        tiling = self.spec.tiling()
        if tiling is not None:
            numbers = "counts" if self.whole else self.fold.name
            return f"window.{tiling.tile_us}x{tiling.tiles}.{numbers}"
        numbers = "" if self.fold is SUM else f".{self.fold.name}"
        return f"window.{self.spec.window_text}{numbers}"


def _parts(name: str, spec: FeatureSpec, types: Choice) -> Iterator[_Part]:
    match spec.kind:
        case "count":
            yield _Part(name, spec, Count(types), whole=True)
        case "distinct":
            distinct = Distinct(f"distinct.{name}", types, str(spec.distinct))
            yield _Part(name, spec, distinct, whole=True)
        case "sessions":
            yield _Part(name, spec, SessionStarts(), whole=True)
        case "sum":
            yield _Part(name, spec, Value(types, str(spec.reads)))
        case "min" | "max":
            fold = LEAST if spec.kind == "min" else GREATEST
            yield _Part(name, spec, Value(types, str(spec.reads)), fold)
        case "mean":
            total, count = _parts_of_mean(name)
            yield _Part(total, spec, Value(types, str(spec.reads)))
            yield _Part(count, spec, Known(types, str(spec.reads)), whole=True)


def _parts_of_mean(name: str) -> tuple[str, str]:
    return f"{name}.sum", f"{name}.count"


def _windows(
    features: Mapping[str, FeatureSpec], chosen: Mapping[str, Choice], session_gap_us: int
) -> Iterable[SharedWindow]:
    parts = [part for name, spec in features.items() for part in _parts(name, spec, chosen[name])]
    parts.sort(key=lambda part: (part.window, part.name))
    for _, sharing in groupby(parts, key=lambda part: part.window):
        shared = list(sharing)
        members = tuple(
            Member(part.name, part.amount, column) for column, part in enumerate(shared)
        )
        yield SharedWindow(_window(shared[0], len(shared), session_gap_us), members)


def _window(part: _Part, columns: int, session_gap_us: int) -> Window:
    tiling = part.spec.tiling()
    if tiling is not None:
        return TileWindow(part.window, tiling, "i4" if part.whole else "f8", columns, part.fold)
    if part.spec.window_text == SESSION:
        return SessionWindow(part.window, session_gap_us, columns, part.fold)
    return LifetimeWindow(part.window, columns, part.fold)
