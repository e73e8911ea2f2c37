"""How Python is set up inside the JVM, where operators run."""

from __future__ import annotations

import gc
from typing import Final

import numpy as np

# A full collection looks at all that was imported, and a batch makes many objects that die young.
_GC_THRESHOLDS: Final = (200_000, 50, 100)


def set_up() -> None:
    """Set this interpreter up; to be called when an operator opens.

    numpy's warnings about overflows ask for the interpreter's lock in a way that never returns
    in a thread of the JVM, so there must be none.
    """
    np.seterr(all="ignore")
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
