"""Whether two groups are the same within a margin: two one-sided tests (Schuirmann 1987).

That a difference is not significant says nothing of the kind: it may be that too few were seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from flink_job.audit.proportions import Shares
from flink_job.audit.welch import Means
from operators.base.arrays import Floats


def two_one_sided(pairs: Shares | Means, margin: Floats) -> Floats:
    """p of the difference being `margin` or more, on either side; of n pairs.

    At most alpha if and only if the interval for 1 - 2 alpha lies between the margins.
    """
    found: Floats = np.maximum(pairs.below(margin), pairs.above(-margin))
    return found


def in_all(p: Sequence[Floats]) -> Floats:
    """p of pairs not being the same in all measures: an intersection-union test (Berger 1982)."""
    found: Floats = np.max(np.stack(list(p)), axis=0)
    return found


def overlap(shared: Floats, either: Floats, alpha: float) -> tuple[Floats, Floats]:
    """The share of the users of either of two who are in both, and its one-sided lower bound.

    The index is Jaccard's (1912), the bound Wilson's (1927). float64[n] each.
    """
    z = float(special.ndtri(1 - alpha))
    share = shared / either
    middle = share + z**2 / (2 * either)
    reach = z * np.sqrt(share * (1 - share) / either + (z / (2 * either)) ** 2)
    return share, (middle - reach) / (1 + z**2 / either)
