"""What a configuration's features are, in words, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from operators.durations import format_duration
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from operators.frame import Kind
from operators.pages.layout import Field


@dataclass(frozen=True)
class Listed:
    """One feature as a table or a program shows it.

    `state_bytes` is what a user's row holds for it alone; a `distinct` keeps besides, for each
    value that counts, an entry of `entry_bytes`. `unit`, `window` and `tile` are None where the
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


def listed(features: Mapping[str, FeatureSpec], catalog: Catalog) -> list[Listed]:
    """The features in the order of the configuration."""
    state_bytes = _state_bytes(catalog)
    return [_listed(name, spec, catalog, state_bytes) for name, spec in features.items()]


def _listed(
    name: str, spec: FeatureSpec, catalog: Catalog, state_bytes: Mapping[str, int]
) -> Listed:
    column, tiling = catalog.columns[name], spec.tiling()
    parts = catalog.means.get(name, (name,))
    timed = column.kind is Kind.AGE or spec.kind == "duration"
    return Listed(
        name=name,
        kind=spec.kind,
        type="category" if column.kind is Kind.CATEGORY else "number",
        unit=spec.unit_text if timed else None,
        window=spec.window_text or spec.within or spec.duration,
        tile=None if tiling is None else format_duration(tiling.tile_us),
        state_bytes=sum(state_bytes.get(part, 0) for part in parts),
        entry_bytes=_ENTRY_BYTES if spec.kind == "distinct" else 0,
    )


def _state_bytes(catalog: Catalog) -> dict[str, int]:
    """By feature, or part of a mean; what all sessions share is nobody's."""
    found = {name: _bytes(end.fields()) for name, end in catalog.ends.items()}
    found |= {name: _bytes([funnel.field()]) for name, funnel in catalog.funnels.items()}
    for shared in catalog.windows:
        each = _bytes([shared.window.field()]) // len(shared.members)
        found |= {member.name: each for member in shared.members}
    return found


def _bytes(fields: Iterable[Field]) -> int:
    return sum(field.bytes for field in fields)
