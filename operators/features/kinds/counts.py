"""`count`: events in a window."""

from __future__ import annotations

from typing import Final

from operators.features.accumulators import EventCount
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import WHERE, EventTypes
from operators.features.kinds.window_options import TILE, WINDOW, ZONE
from operators.features.shared_windows import COUNTS


def _count(feature: Compilation) -> Compiled:
    return feature.in_window(EventCount(feature.events), COUNTS)


KINDS: Final = (
    FeatureKind(
        EventTypes("count"),
        takes=(WHERE, WINDOW, TILE, ZONE),
        compile=_count,
        empty=zero,
        counts=True,
    ),
)
