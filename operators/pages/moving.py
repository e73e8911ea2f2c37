"""Rows of one layout as rows of another: what both know keeps its values, the rest starts anew."""

from __future__ import annotations

import numpy as np

from operators.pages.layout import Layout, Words


def moved(words: Words, old: Layout, new: Layout) -> Words:
    """Rows int64[users, old.width] as rows int64[users, new.width]."""
    rows = np.tile(new.initial_row(), (len(words), 1))
    before = old.parts()
    for part, to in new.parts().items():
        if part in before:
            rows.view(part.dtype)[:, to] = words.view(part.dtype)[:, before[part]]
    return rows
