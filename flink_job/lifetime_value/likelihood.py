"""Maximum likelihood of models whose parameters are all positive: fitted by their logarithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize

from operators.base.arrays import Floats

# Gives the log-likelihood of parameters, and its derivative by each of them.
LogLikelihood = Callable[[Floats], tuple[float, Floats]]

_FARTHEST: Final = 9.0  # logarithms: a parameter beyond 8,000 means that the model fits badly
_STEP: Final = 1e-4  # of logarithms, for second derivatives
_FLAT: Final = 1e-5  # of the gradient by logarithms, an observation


@dataclass(frozen=True)
class Estimates:
    """Parameters with their standard errors, and how good they are.

    `problem` says why they are not to be relied on; None if they are the maximum, and known.
    """

    values: Floats
    errors: Floats
    log_likelihood: float
    problem: str | None


def maximised(
    log_likelihood: LogLikelihood, starts: Sequence[Sequence[float]], observations: int
) -> Estimates:
    """The parameters with the largest likelihood, float64[k], from the best of some starts."""

    def loss(logs: Floats) -> tuple[float, Floats]:
        values = np.exp(logs)
        found, slope = log_likelihood(values)
        return -found / observations, -slope * values / observations

    bounds = [(-_FARTHEST, _FARTHEST)] * len(starts[0])
    options = {"maxiter": 2_000, "ftol": 1e-15, "gtol": 1e-10}
    fits = [
        optimize.minimize(
            loss, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        for start in starts
    ]
    logs: Floats = min(fits, key=lambda fit: float(fit.fun)).x
    curvature = _curvature(loss, logs) * observations
    errors, known = _errors(curvature)
    values = np.exp(logs)
    return Estimates(
        values, values * errors, -loss(logs)[0] * observations, _problem(loss, logs, known=known)
    )


def _problem(
    loss: Callable[[Floats], tuple[float, Floats]], logs: Floats, *, known: bool
) -> str | None:
    if np.max(np.abs(logs)) > _FARTHEST - 0.5:
        return "a parameter runs away: customers are too few, or too alike, for the model"
    if np.max(np.abs(loss(logs)[1])) > _FLAT:
        return "the maximum was not found"
    return None if known else "the maximum is too flat to say where it is"


def _curvature(loss: Callable[[Floats], tuple[float, Floats]], logs: Floats) -> Floats:
    """Second derivatives by the logarithms, float64[k, k]."""
    steps = np.eye(len(logs)) * _STEP
    rows = [(loss(logs + step)[1] - loss(logs - step)[1]) / (2 * _STEP) for step in steps]
    found = np.array(rows)
    return (found + found.T) / 2


def _errors(curvature: Floats) -> tuple[Floats, bool]:
    """Standard errors of the logarithms, and whether they are known; NaN if not."""
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return np.full(len(curvature), np.nan), False
    return np.sqrt(np.diag(np.linalg.inv(curvature))), True
