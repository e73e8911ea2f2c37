"""How many random examples tests draw: in `make test` a part, in `make soak` many times as many."""

from __future__ import annotations

import os

_SCALE = float(os.environ.get("FLOCKWISE_EXAMPLES", "0.25"))
_FEWEST = 10


def examples(usual: int) -> int:
    """How many to draw where so many are usual."""
    return max(_FEWEST, round(usual * _SCALE))
