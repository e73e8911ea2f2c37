"""`sum`, `mean`, `min`, `max`: the values of a property in a window."""

from __future__ import annotations

from typing import Final

from operators.features.accumulators import ValueAmount, ValueCount
from operators.features.derived import Ratio, ratio
from operators.features.kinds.exact import (
    TILED,
    Reduction,
    exactly,
    greatest,
    least,
    mean,
    only,
    total,
)
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import number
from operators.features.kinds.window_options import EXACT, TILE, WINDOW, ZONE
from operators.features.shared_windows import COUNTS, SUMS, CellType, WindowPart
from operators.features.windows import MAXIMUM, MINIMUM

_OPTIONS: Final = (OF, WHERE, WINDOW, TILE, ZONE, EXACT)


def _amounts(feature: Compilation) -> ValueAmount:
    return ValueAmount(feature.events, feature.property_name)


def _folded(feature: Compilation, cells: CellType, reduction: Reduction) -> Compiled:
    if not feature.exact:
        return feature.in_window(_amounts(feature), cells)
    part = WindowPart(feature.part(TILED), feature.span, _amounts(feature), cells)
    return exactly(feature, reduction, (part,), only)


def _sum(feature: Compilation) -> Compiled:
    return _folded(feature, SUMS, total)


def _min(feature: Compilation) -> Compiled:
    return _folded(feature, CellType(MINIMUM), least)


def _max(feature: Compilation) -> Compiled:
    return _folded(feature, CellType(MAXIMUM), greatest)


def _mean(feature: Compilation) -> Compiled:
    amount, known = feature.part("sum"), feature.part("count")
    counted = ValueCount(feature.events, feature.property_name)
    parts = (
        WindowPart(amount, feature.span, _amounts(feature), SUMS),
        WindowPart(known, feature.span, counted, COUNTS),
    )
    if feature.exact:
        return exactly(feature, mean, parts, ratio)
    return Compiled(parts=parts, derived=Ratio((amount, known)))


KINDS: Final = (
    FeatureKind(PropertyName("sum"), takes=_OPTIONS, reads=number, compile=_sum, empty=zero),
    FeatureKind(PropertyName("mean"), takes=_OPTIONS, reads=number, compile=_mean),
    FeatureKind(PropertyName("min"), takes=_OPTIONS, reads=number, compile=_min),
    FeatureKind(PropertyName("max"), takes=_OPTIONS, reads=number, compile=_max),
)
