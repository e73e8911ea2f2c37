"""Rows of one layout as rows of another: what both know keeps its values, the rest starts anew."""

from __future__ import annotations

from operators.pages.layout import Layout, Words


def move(words: Words, old: Layout, rows: Words, new: Layout) -> None:
    """Write rows int64[users, old.width] into rows int64[users, new.width]."""
    rows[:] = new.initial_row()
    before = old.parts()
    for part, to in new.parts().items():
        if part in before:
            rows.view(part.dtype)[:, to] = words.view(part.dtype)[:, before[part]]
