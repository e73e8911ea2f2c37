"""Texts in arrays of codes: what is computed of them, and asked, once for each different text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Mask
from operators.base.dictionary import Dictionary
from operators.rules.text_tests import TextTest

FUNCTIONS: Final[dict[str, Callable[[str], str]]] = {"LOWER": str.lower, "UPPER": str.upper}


def computed(function: str, codes: Floats, dictionary: Dictionary) -> Floats:
    """The codes of what a function makes of texts, float64[n]; NaN stays."""
    distinct, of_each = np.unique(codes, return_inverse=True)
    change = FUNCTIONS[function]
    made = [
        np.nan if np.isnan(code) else dictionary.derive(change(dictionary.text(int(code))))
        for code in distinct.tolist()
    ]
    found: Floats = np.array(made, np.float64)[of_each]
    return found


def fitting(tests: Sequence[TextTest], codes: Floats, dictionary: Dictionary) -> Mask:
    """Which texts fit which tests, bool[tests, n]; none where there is no text."""
    distinct, of_each = np.unique(codes, return_inverse=True)
    texts = [None if np.isnan(code) else dictionary.text(int(code)) for code in distinct.tolist()]
    fits = [[text is not None and test.fits(text) for text in texts] for test in tests]
    found: Mask = np.array(fits, np.bool_).reshape(len(tests), len(texts))[:, of_each]
    return found
