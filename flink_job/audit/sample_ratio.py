"""Whether users were held out in the share that was asked for: sample ratio mismatch.

Where they were not, something sorts them besides chance, and no lift can be trusted (Fabijan and
others 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from operators.base.arrays import Floats

# How surely the prior is near the share that was asked for: it is worth so many users.
_PRIOR_USERS: Final = 100.0


@dataclass(frozen=True)
class RatioTest:
    """Of n segments, float64[n] each: p by chi-squared, for one look, and p for any looks."""

    p: Floats
    always_valid_p: Floats


def ratio_test(members: Floats, held_out: Floats, holdout: Floats) -> RatioTest:
    """Test the users counted on both sides against the share, 0 to 1, that was to be held out."""
    users = members + held_out
    usual, usual_out = users * (1 - holdout), users * holdout
    statistic = (members - usual) ** 2 / usual + (held_out - usual_out) ** 2 / usual_out
    p: Floats = special.chdtrc(1, statistic)
    return RatioTest(p, _always_valid(members, held_out, holdout))


def _always_valid(members: Floats, held_out: Floats, holdout: Floats) -> Floats:
    """One over the Bayes factor of any share against the one asked for (Lindon and Malek 2022)."""
    prior, prior_out = _PRIOR_USERS * (1 - holdout), _PRIOR_USERS * holdout
    log_factor = (
        special.betaln(prior + members, prior_out + held_out)
        - special.betaln(prior, prior_out)
        - special.xlogy(members, 1 - holdout)
        - special.xlogy(held_out, holdout)
    )
    found: Floats = np.exp(-np.maximum(log_factor, 0))
    return found
