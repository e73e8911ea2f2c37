"""Texts in arrays of codes: what is computed of them, and asked, once for each different text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Ints, Mask
from operators.base.dictionary import Dictionary
from operators.rules.text_tests import TextTest

FUNCTIONS: Final[dict[str, Callable[[str], str]]] = {"LOWER": str.lower, "UPPER": str.upper}


def computed(function: str, codes: Floats, dictionary: Dictionary) -> Floats:
    """The codes of what a function makes of texts, float64[n]; NaN stays."""
    change = FUNCTIONS[function]
    texts, of_each = _distinct(codes, dictionary)
    made = [*(float(dictionary.derive(change(text))) for text in texts), np.nan]
    found: Floats = np.array(made)[of_each]
    return found


def fitting(tests: Sequence[TextTest], codes: Floats, dictionary: Dictionary) -> Mask:
    """Which texts fit which tests, bool[tests, n]; none where there is no text."""
    texts, of_each = _distinct(codes, dictionary)
    fits = [[*map(test.fits, texts), False] for test in tests]
    found: Mask = np.array(fits, np.bool_)[:, of_each]
    return found


def _distinct(codes: Floats, dictionary: Dictionary) -> tuple[list[str], Ints]:
    """Each different text, and which of them each code is of: the one after the last for null."""
    known = ~np.isnan(codes)
    distinct, of_known = np.unique(codes[known].astype(np.int64), return_inverse=True)
    of_each = np.full(len(codes), len(distinct))
    of_each[known] = of_known
    return [dictionary.text(code) for code in distinct.tolist()], of_each
