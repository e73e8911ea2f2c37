"""From the features of a configuration to what computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from operators.features.amounts import Amount, Count, Distinct, EventTypes, SessionStarts, Sum
from operators.features.columns import FeatureColumn, Kind
from operators.features.latest import Last, Since
from operators.features.spec import SESSION, FeatureSpec, Tiling
from operators.features.windows import LifetimeWindow, SessionWindow, TileWindow, Window

_LATE_BY_DEFAULT: Final = Tiling.cut("1d", "1h")  # where no feature has a window of a duration


@dataclass(frozen=True)
class Member:
    """A feature's place in a shared window: which amount goes to which column of it."""

    feature: str
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
    latest: Mapping[str, Since | Last]
    durations: Mapping[str, int]  # name -> unit in microseconds
    retained: Tiling
    session_gap_us: int
    uses_sessions: bool

    @classmethod
    def compile(cls, features: Mapping[str, FeatureSpec], session_gap_us: int) -> Catalog:
        """Compile features in which `spec.problems` finds none."""
        types = tuple(
            sorted({name for spec in features.values() for name in spec.event_types or ()})
        )
        reads = [(spec.reads, spec.reads_number) for spec in features.values() if spec.reads]
        tilings = [tiling for spec in features.values() if (tiling := spec.tiling())]
        chosen = {name: _event_types(spec, types) for name, spec in features.items()}
        return cls(
            columns={name: _column(name, spec) for name, spec in features.items()},
            event_types=types,
            numbers=frozenset(name for name, number in reads if number),
            texts=frozenset(name for name, number in reads if not number),
            windows=tuple(_windows(features, chosen, session_gap_us)),
            latest={
                name: _latest(name, spec, chosen[name])
                for name, spec in features.items()
                if spec.kind in ("since", "last")
            },
            durations={
                name: spec.unit_us for name, spec in features.items() if spec.kind == "duration"
            },
            retained=max(tilings, key=lambda tiling: tiling.window_us, default=_LATE_BY_DEFAULT),
            session_gap_us=session_gap_us,
            uses_sessions=any(
                spec.kind in ("duration", "sessions") or spec.window == SESSION
                for spec in features.values()
            ),
        )


def _event_types(spec: FeatureSpec, known: tuple[str, ...]) -> EventTypes:
    names = spec.event_types
    codes = None if names is None else tuple(known.index(name) for name in names)
    return EventTypes(codes, len(known))


def _column(name: str, spec: FeatureSpec) -> FeatureColumn:
    match spec.kind:
        case "since":
            return FeatureColumn(name, Kind.AGE, unit_us=spec.unit_us)
        case "last" if not spec.reads_number:
            return FeatureColumn(name, Kind.CATEGORY, categories=tuple(spec.one_hot or ()))
        case _:
            return FeatureColumn(name, Kind.NUMBER)


def _amount(name: str, spec: FeatureSpec, types: EventTypes) -> Amount:
    match spec.kind:
        case "count":
            return Count(types)
        case "sum":
            return Sum(types, str(spec.sum))
        case "distinct":
            return Distinct(f"distinct.{name}", types, str(spec.distinct))
        case _:
            return SessionStarts()


def _latest(name: str, spec: FeatureSpec, types: EventTypes) -> Since | Last:
    if spec.kind == "since":
        return Since(f"since.{name}", types)
    return Last(f"last.{name}", types, str(spec.last), spec.reads_number)


def _windows(
    features: Mapping[str, FeatureSpec], chosen: Mapping[str, EventTypes], session_gap_us: int
) -> Iterable[SharedWindow]:
    summed = {name: spec for name, spec in features.items() if spec.window_text is not None}
    by_window = sorted(summed.items(), key=lambda item: _window_name(item[1]))
    for window_name, shared in groupby(by_window, key=lambda item: _window_name(item[1])):
        members = tuple(
            Member(name, _amount(name, spec, chosen[name]), column)
            for column, (name, spec) in enumerate(shared)
        )
        first = features[members[0].feature]
        make = _window_maker(first, session_gap_us)
        yield SharedWindow(make(window_name, len(members)), members)


def _window_maker(spec: FeatureSpec, session_gap_us: int) -> Callable[[str, int], Window]:
    tiling = spec.tiling()
    if tiling is not None:
        dtype = "f8" if spec.kind == "sum" else "i4"
        return lambda name, columns: TileWindow(name, tiling, dtype, columns)
    if spec.window_text == SESSION:
        return lambda name, columns: SessionWindow(name, session_gap_us, columns)
    return LifetimeWindow


def _window_name(spec: FeatureSpec) -> str:
    """Features of one name share a window; it names the field in state, too."""
    tiling = spec.tiling()
    if tiling is None:
        return f"window.{spec.window_text}"
    numbers = "sums" if spec.kind == "sum" else "counts"
    return f"window.{tiling.tile_us}x{tiling.tiles}.{numbers}"
