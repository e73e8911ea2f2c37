"""What a configuration's features are, in words, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from operators.base.durations import format_duration
from operators.base.frame import Kind
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from operators.pages.layout import Field


@dataclass(frozen=True)
class Listed:
    """One feature as a table or a program shows it.

    `state_bytes` is what a user's row holds for it alone; what tells values apart keeps besides
    `entry_bytes` for each value that counts. `unit`, `window` and `tile` are None where the
    feature has none.
    """

    name: str
    kind: str
    type: str
    unit: str | None
    window: str | None
    tile: str | None
    state_bytes: int
    entry_bytes: int


_ENTRY_BYTES: Final = 16  # the row with the value's code, and the newest moment
_ENTRIES: Final = {"distinct": 1, "unmatched": 2}  # for each value that counts


def listed(features: Mapping[str, FeatureSpec], catalog: Catalog) -> list[Listed]:
    """The features in the order of the configuration."""
    state_bytes = _state_bytes(catalog)
    return [_listed(name, spec, catalog, state_bytes) for name, spec in features.items()]


def _listed(
    name: str, spec: FeatureSpec, catalog: Catalog, state_bytes: Mapping[str, int]
) -> Listed:
    column, tiling = catalog.columns[name], spec.tiling()
    made = catalog.derived.get(name)
    parts = made.parts if made is not None else (name,)
    return Listed(
        name=name,
        kind=spec.kind,
        type="number" if column.kind is Kind.AGE else column.kind.value,
        unit=spec.unit_text,
        window=_span(spec),
        tile=None if tiling is None else format_duration(tiling.tile_us),
        state_bytes=sum(state_bytes.get(part, 0) for part in parts),
        entry_bytes=_ENTRY_BYTES * _ENTRIES.get(spec.kind, 0),
    )


def _span(spec: FeatureSpec) -> str | None:
    """How far back the feature reaches, as written."""
    of_session = spec.duration or spec.returned_after
    return spec.window_text or spec.within or spec.half_life or of_session


def _state_bytes(catalog: Catalog) -> dict[str, int]:
    """By feature, or part of one; what all sessions share is nobody's."""
    found = {name: _bytes(feature.fields()) for name, feature in catalog.alone.items()}
    for shared in catalog.windows:
        each = _bytes([shared.window.field()]) // len(shared.members)
        found |= {member.name: each for member in shared.members}
    return found


def _bytes(fields: Iterable[Field]) -> int:
    return sum(field.bytes for field in fields)
