"""`sum`, `mean`, `min`, `max`: the values of a property in a window."""

from __future__ import annotations

from typing import Final

from operators.features.accumulators import ValueAmount, ValueCount
from operators.features.derived import Ratio
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import OF, WHERE, PropertyName
from operators.features.kinds.reading import number
from operators.features.kinds.window_options import TILE, WINDOW, ZONE
from operators.features.shared_windows import COUNTS, SUMS, CellType, WindowPart
from operators.features.windows import MAXIMUM, MINIMUM

_OPTIONS: Final = (OF, WHERE, WINDOW, TILE, ZONE)


def _amounts(feature: Compilation) -> ValueAmount:
    return ValueAmount(feature.events, feature.property_name)


def _sum(feature: Compilation) -> Compiled:
    return feature.in_window(_amounts(feature))


def _min(feature: Compilation) -> Compiled:
    return feature.in_window(_amounts(feature), CellType(MINIMUM))


def _max(feature: Compilation) -> Compiled:
    return feature.in_window(_amounts(feature), CellType(MAXIMUM))


def _mean(feature: Compilation) -> Compiled:
    total, known = feature.part("sum"), feature.part("count")
    counted = ValueCount(feature.events, feature.property_name)
    return Compiled(
        parts=(
            WindowPart(total, feature.span, _amounts(feature), SUMS),
            WindowPart(known, feature.span, counted, COUNTS),
        ),
        derived=Ratio((total, known)),
    )


KINDS: Final = (
    FeatureKind(PropertyName("sum"), takes=_OPTIONS, reads=number, compile=_sum, empty=zero),
    FeatureKind(PropertyName("mean"), takes=_OPTIONS, reads=number, compile=_mean),
    FeatureKind(PropertyName("min"), takes=_OPTIONS, reads=number, compile=_min),
    FeatureKind(PropertyName("max"), takes=_OPTIONS, reads=number, compile=_max),
)
