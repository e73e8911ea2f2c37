"""Elementary comparisons, evaluated many at a time: each row of operands against a column of
constants, a row against another row, a row against null, a row of lists against texts, a row of
texts against patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np

from operators.base.arrays import Floats, Mask
from operators.base.dictionary import Dictionary
from operators.base.frame import list_values
from operators.rules.text_tests import TextTest
from operators.rules.texts import fitting

# Three comparisons and negation make all six: x < c is NOT x >= c, for unknown x as well.
OPERATORS: Final = {
    ">=": (">=", False),
    "<": (">=", True),
    ">": (">", False),
    "<=": (">", True),
    "=": ("=", False),
    "<>": ("=", True),
}
UFUNCS: Final = {">=": np.greater_equal, ">": np.greater, "=": np.equal}

_NO_CODE: Final = -1.0  # of a text that no user has; codes count from 0


@dataclass(frozen=True, slots=True)
class Threshold:
    """The operand of a row compared with a constant."""

    operator: str
    row: int
    constant: float | str


@dataclass(frozen=True, slots=True)
class Pair:
    """The operands of two rows compared."""

    operator: str
    row: int
    other: int


@dataclass(frozen=True, slots=True)
class Null:
    """The operand of a row being null."""

    row: int


@dataclass(frozen=True, slots=True)
class ListContains:
    """A text being in the lists of a row."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class TextFits:
    """The texts of a row fitting a pattern."""

    row: int
    test: TextTest


Cell: TypeAlias = Threshold | Pair | Null | ListContains | TextFits


def cell_order(cell: Cell) -> tuple[int, str, int]:
    """Sorts cells so that those evaluated in one go stand together."""
    match cell:
        case Threshold(operator, row, _):
            return 0, operator, row
        case Pair(operator, row, _):
            return 1, operator, row
        case Null(row):
            return 2, "", row
        case ListContains(row, _):
            return 3, "", row
        case TextFits(row, _):
            return 4, "", row


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbours with one operator; for thresholds also with one row."""

    operator: str
    row: int
    at: slice


class Cells:
    """Cells in `cell_order`, ready to be evaluated."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        thresholds = [cell for cell in cells if isinstance(cell, Threshold)]
        pairs = [cell for cell in cells if isinstance(cell, Pair)]
        first_null = len(thresholds) + len(pairs)
        self._of_pairs = slice(len(thresholds), first_null)
        held = [cell for cell in cells if isinstance(cell, ListContains)]
        tested = [cell for cell in cells if isinstance(cell, TextFits)]
        first_tested = len(cells) - len(tested)
        self._of_nulls = slice(first_null, first_tested - len(held))
        self._of_held = slice(first_tested - len(held), first_tested)
        self._of_tested = slice(first_tested, len(cells))
        self._rows = np.array([cell.row for cell in cells], np.intp)
        self._others = np.array([cell.other for cell in pairs], np.intp)
        numbers = [_NO_CODE if isinstance(t.constant, str) else t.constant for t in thresholds]
        self._constants = np.array(numbers, np.float64).reshape(-1, 1)
        texts = [(i, t.constant) for i, t in enumerate(thresholds)]
        self._texts = [(at, text) for at, text in texts if isinstance(text, str)]
        self._threshold_runs = _runs([(t.operator, t.row) for t in thresholds])
        self._pair_runs = _runs([(pair.operator, 0) for pair in pairs])
        self._held_runs = _runs([("", cell.row) for cell in held])
        self._held_texts = [cell.text for cell in held]
        self._tested_runs = _runs([("", cell.row) for cell in tested])
        self._tests = [cell.test for cell in tested]

    def evaluate(
        self, numbers: Floats, dictionary: Dictionary, is_true: Mask, is_false: Mask
    ) -> None:
        """Fill in which cells are true and which are false, bool[cells, n] each.

        `numbers` is float64[rows, n], NaN where null, and nowhere infinite.
        """
        known = ~np.isnan(numbers)
        self._compare_constants(numbers, dictionary, is_true)
        self._compare_pairs(numbers, is_true)
        known_here = known[self._rows]
        known_here[self._of_pairs] &= known[self._others]
        np.logical_not(known_here[self._of_nulls], out=is_true[self._of_nulls])
        self._look_into_lists(numbers, dictionary, is_true)
        for run in self._tested_runs:
            fits = fitting(self._tests[run.at], numbers[run.row], dictionary)
            is_true[self._of_tested][run.at] = fits
        known_here[self._of_held] = True
        np.greater(known_here, is_true, out=is_false)  # known and not true

    def _compare_constants(self, numbers: Floats, dictionary: Dictionary, is_true: Mask) -> None:
        constants = self._constants_for(dictionary)
        for run in self._threshold_runs:
            UFUNCS[run.operator](numbers[run.row], constants[run.at], out=is_true[run.at])

    def _constants_for(self, dictionary: Dictionary) -> Floats:
        if not self._texts:
            return self._constants
        constants = self._constants.copy()
        for at, text in self._texts:
            code = dictionary.code(text)
            if code is not None:
                constants[at] = code
        return constants

    def _compare_pairs(self, numbers: Floats, is_true: Mask) -> None:
        rows, result = self._rows[self._of_pairs], is_true[self._of_pairs]
        for run in self._pair_runs:
            left, right = numbers[rows[run.at]], numbers[self._others[run.at]]
            UFUNCS[run.operator](left, right, out=result[run.at])

    def _look_into_lists(self, numbers: Floats, dictionary: Dictionary, is_true: Mask) -> None:
        result = is_true[self._of_held]
        for run in self._held_runs:
            # A list is read once, however many users have it and texts are asked for.
            codes, of_user = np.unique(numbers[run.row], return_inverse=True)
            known = codes[~np.isnan(codes)].astype(np.int64).tolist()
            lists = [frozenset(list_values(dictionary.text(code))) for code in known]
            lists += [frozenset()] * (len(codes) - len(known))
            asked = self._held_texts[run.at]
            found = np.array([[text in each for each in lists] for text in asked], np.bool_)
            result[run.at] = found[:, of_user]


def _runs(keys: Sequence[tuple[str, int]]) -> list[_Run]:
    runs = []
    for (operator, row), group in groupby(enumerate(keys), key=lambda pair: pair[1]):
        at = [index for index, _ in group]
        runs.append(_Run(operator, row, slice(at[0], at[-1] + 1)))
    return runs
