"""`count`: events in a window."""

from __future__ import annotations

from typing import Final

import numpy as np

from operators.base.arrays import Floats
from operators.features.accumulators import EventCount
from operators.features.kinds.exact import TILED, count, exactly, only
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import WHERE, EventTypes
from operators.features.kinds.window_options import EXACT, MOST_EXACT, TILE, WINDOW, ZONE
from operators.features.shared_windows import COUNTS, WindowPart


def _count(feature: Compilation) -> Compiled:
    if not feature.exact:
        return feature.in_window(EventCount(feature.events), COUNTS)
    name = feature.part(TILED)
    part = WindowPart(name, feature.span, EventCount(feature.events), COUNTS)
    return exactly(feature, count, (part,), _more)


def _more(parts: Floats) -> Floats:
    """What tiles say of more events than are kept, which may be fewer."""
    return np.maximum(only(parts), MOST_EXACT + 1)


KINDS: Final = (
    FeatureKind(
        EventTypes("count"),
        takes=(WHERE, WINDOW, TILE, ZONE, EXACT),
        compile=_count,
        empty=zero,
        counts=True,
    ),
)
