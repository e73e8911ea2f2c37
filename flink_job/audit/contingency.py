"""Contingency tables: whether shares differ, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special, stats

from operators.base.arrays import Floats, Mask

FEWEST_EXPECTED: Final = 5.0  # in each cell: below, chi-squared is no good (Cochran 1954)


@dataclass(frozen=True)
class TableTest:
    """Of n tables: float64[n] p and Cramér's V, and which were tested exactly, bool[n]."""

    p: Floats
    cramers_v: Floats
    exact: Mask


def expected(tables: Floats) -> Floats:
    """What cells would hold if rows and columns were independent, of tables float64[n, r, c]."""
    rows, columns = tables.sum(axis=2, keepdims=True), tables.sum(axis=1, keepdims=True)
    return _ratio(rows * columns, tables.sum(axis=(1, 2), keepdims=True))


def chi_squared(tables: Floats) -> tuple[Floats, Floats]:
    """Pearson's statistic without a correction, and its p, of tables float64[n, r, c].

    A table of which a row or column is empty says nothing: 0 and 1.
    """
    usual = expected(tables)
    statistic: Floats = _ratio((tables - usual) ** 2, usual).sum(axis=(1, 2))
    freedom = (tables.shape[1] - 1) * (tables.shape[2] - 1)
    p: Floats = special.chdtrc(freedom, statistic)
    return statistic, p


def cramers_v(tables: Floats) -> Floats:
    """From 0 for independence to 1, of tables float64[n, r, c] (Cramér 1946)."""
    statistic, _ = chi_squared(tables)
    least = min(tables.shape[1], tables.shape[2]) - 1
    v: Floats = np.sqrt(_ratio(statistic, tables.sum(axis=(1, 2)) * least))
    return v


def two_by_two(tables: Floats) -> TableTest:
    """Whether two shares differ, of tables float64[n, 2, 2]: chi-squared where counts allow it.

    Where a cell is expected to hold less than 5, Fisher's exact test.
    """
    _, p = chi_squared(tables)
    exact = expected(tables).min(axis=(1, 2)) < FEWEST_EXPECTED
    for at in np.flatnonzero(exact).tolist():
        p[at] = stats.fisher_exact(tables[at].astype(np.int64)).pvalue
    return TableTest(p, cramers_v(tables), exact)


def _ratio(above: Floats, below: Floats) -> Floats:
    """The ratio; 0 where there is nothing below."""
    found: Floats = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return found
