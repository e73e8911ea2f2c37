"""How to prepare points, as a sample of them says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from operators.base.arrays import Floats
from operators.clustering.preparing.components import Components
from operators.clustering.preparing.preparation import Preparation, usable, with_logs
from operators.clustering.preparing.regression import Regression
from operators.clustering.preparing.scales import SCALINGS
from operators.clustering.preparing.tails import heavy
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec

# The model of `impute: model` has medians where it does not know better.
STAND_INS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "mean": np.mean,
    "median": np.median,
    "model": np.median,
}


def prepare(sample: Floats, space: Space, spec: ClusterSpec) -> Preparation:
    """The preparation that a spec asks for, by raw points float64[n, d], n at least 1.

    NaN and infinity are missing. One-hot dimensions, which are never missing, are neither
    logged, imputed nor scaled, but regression and components see them. A dimension without any
    value is imputed by 0 and constant. The same sample gives the same preparation.
    """
    sample = usable(sample)
    logs = _logs(sample, space, spec)
    preparation = _by_dimension(with_logs(sample, logs), logs, space, spec)
    if spec.impute == "model":
        regression = _regression(preparation, sample)
        preparation = replace(preparation, regression=regression)
    if spec.pca is not None:
        components = Components.fit(preparation.scaled(sample), spec.pca)
        preparation = replace(preparation, components=components)
    return preparation


def _logs(sample: Floats, space: Space, spec: ClusterSpec) -> tuple[int, ...]:
    numeric = np.flatnonzero(space.numeric).tolist()
    if spec.log == "auto":
        return tuple(at for at in numeric if heavy(_known(sample[:, at])))
    return tuple(at for at in numeric if space.dimensions[at].feature in spec.log)


def _by_dimension(
    sample: Floats, logs: tuple[int, ...], space: Space, spec: ClusterSpec
) -> Preparation:
    impute, offset = np.zeros((2, len(space)))
    scale = np.where(space.numeric, 0.0, 1.0)
    for at in np.flatnonzero(space.numeric).tolist():
        known = _known(sample[:, at])
        if len(known):
            impute[at] = STAND_INS[spec.impute](known)
            offset[at], scale[at] = SCALINGS[spec.scale](known)
    return Preparation(impute, offset, scale, logs)


def _regression(preparation: Preparation, sample: Floats) -> Regression:
    nothing_known = np.full((1, sample.shape[1]), np.nan)
    (stand_in,) = preparation.scaled(nothing_known)
    return Regression.fit(preparation.scaled(sample), ~np.isnan(sample), stand_in)


def _known(column: Floats) -> Floats:
    known: Floats = column[~np.isnan(column)]
    return known
