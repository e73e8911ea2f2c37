"""The arrays that all columns are made of, and the moment that never comes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Moments = NDArray[np.int64]  # microseconds since 1970
Rows = NDArray[np.int64]  # of a table, one a user

NEVER: Final = int(np.iinfo(np.int64).max)


def missing(some: Ints, among: Ints) -> Ints:
    """Those of some that are not among others, which ascend; both have each once."""
    if not len(among):
        return some
    found = among.take(np.searchsorted(among, some), mode="clip")
    absent: Ints = some[found != some]
    return absent


def without(some: Ints, others: Ints) -> Ints:
    """Those of some that are not among others, in their order.

    Mostly there are none on either side, and numpy takes its time to find that out.
    """
    return some[~np.isin(some, others)] if len(some) and len(others) else some
