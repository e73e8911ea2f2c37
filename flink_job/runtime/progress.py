"""How long work tells what it is doing: one call with a short text at each step."""

from __future__ import annotations

from collections.abc import Callable

OnStep = Callable[[str], None]


def silent(_step: str) -> None:
    """Tell nobody."""
