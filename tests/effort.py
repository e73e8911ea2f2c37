"""How many random examples tests draw: in `make test` a part, in `make soak` many times as many."""

from __future__ import annotations

import os

_CHOSEN = "FLOCKWISE_EXAMPLES"
_SCALE = float(os.environ.get(_CHOSEN, "0.25"))
_FEWEST = 10


def chosen() -> bool:
    """Whether somebody has said how many to draw."""
    return _CHOSEN in os.environ


def examples(usual: int) -> int:
    """How many to draw where so many are usual."""
    return max(_FEWEST, round(usual * _SCALE))
