"""What a configuration's features are, in words, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from operators.base.durations import format_duration
from operators.base.frame import Kind
from operators.features.accumulators import SetAccumulator
from operators.features.catalog import Catalog
from operators.features.kinds.definition import Definition
from operators.features.kinds.options import unit_text
from operators.features.kinds.window_options import EXACT, MOST_EXACT, calendar, sliding, tiling
from operators.features.spec import FeatureSpec
from operators.pages.layout import Field


@dataclass(frozen=True)
class Listed:
    """One feature as a table or a program shows it.

    `state_bytes` is what a user's row holds for it alone; what tells values apart keeps besides
    `entry_bytes` for each value that counts. `unit`, `window` and `tile` are None where the
    feature has none, `exact`, up to how much its window is, where it is not.
    """

    name: str
    kind: str
    type: str
    unit: str | None
    window: str | None
    tile: str | None
    state_bytes: int
    entry_bytes: int
    exact: str | None = None

    @property
    def short_by(self) -> str | None:
        """By how much the window is short at most: by a tile, as the current one has only begun."""
        return None if self.exact else self.tile


def edges(features: Mapping[str, FeatureSpec]) -> dict[str, str]:
    """Of what the features in tiles really are, by name."""
    texts = {name: _edge(spec) for name, spec in features.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _edge(spec: FeatureSpec) -> str | None:
    tiles, exact = tiling(spec.definition), _exact_text(spec)
    if tiles is None or exact == ALWAYS:
        return None
    window, least_us = spec.definition.span_text, tiles.window_us - tiles.tile_us
    least = f"the last {format_duration(least_us)} to" if least_us else "up to the last"
    in_tiles = f"{least} {window}, in tiles of {format_duration(tiles.tile_us)}"
    return f"exactly the last {window} {exact}; of more, {in_tiles}" if exact else in_tiles


@dataclass(frozen=True)
class _Cost:
    """Bytes of a user's row, and for each value that counts."""

    state_bytes: int
    entry_bytes: int = 0


_ENTRY_BYTES: Final = 16  # in a set: the row with the value's code, and the newest moment
ALWAYS: Final = "always"  # of kinds that keep single moments anyhow
_NOTHING: Final = _Cost(0)  # what all sessions share is nobody's


def listed(features: Mapping[str, FeatureSpec], catalog: Catalog) -> list[Listed]:
    """The features in the order of the configuration."""
    costs = _costs(catalog)
    return [_listed(name, spec, catalog, costs) for name, spec in features.items()]


def _listed(name: str, spec: FeatureSpec, catalog: Catalog, costs: Mapping[str, _Cost]) -> Listed:
    column, feature = catalog.columns[name], spec.definition
    tiles, made = tiling(feature), catalog.derived.get(name)
    parts = [costs.get(part, _NOTHING) for part in (made.parts if made is not None else (name,))]
    return Listed(
        name=name,
        kind=spec.kind.name,
        type="number" if column.kind is Kind.AGE else column.kind.value,
        unit=unit_text(feature),
        window=_window_text(feature),
        tile=None if tiles is None else format_duration(tiles.tile_us),
        state_bytes=sum(part.state_bytes for part in parts),
        entry_bytes=sum(part.entry_bytes for part in parts),
        exact=_exact_text(spec),
    )


def _exact_text(spec: FeatureSpec) -> str | None:
    if sliding(spec.definition) is None:
        return None
    return f"of up to {MOST_EXACT} events" if EXACT in spec.kind.options else ALWAYS


def _window_text(feature: Definition) -> str | None:
    of_calendar = calendar(feature)
    return feature.span_text if of_calendar is None else str(of_calendar)


def _costs(catalog: Catalog) -> dict[str, _Cost]:
    """By feature, or part of one."""
    found = {name: _Cost(_bytes(feature.fields())) for name, feature in catalog.alone.items()}
    for shared in catalog.windows:
        each = _bytes([shared.window.field()]) // len(shared.members)
        for member in shared.members:
            keeper = member.accumulator
            sets = len(keeper.sets) if isinstance(keeper, SetAccumulator) else 0
            found[member.name] = _Cost(each, _ENTRY_BYTES * sets)
    return found


def _bytes(fields: Iterable[Field]) -> int:
    return sum(field.bytes for field in fields)
