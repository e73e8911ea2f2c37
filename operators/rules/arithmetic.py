"""The arithmetic of conditions, the same on arrays and on single numbers.

What is not finite is null, and NaN stands for null: a division by zero, an overflow, and
whatever is computed from a null, also by LEAST and GREATEST (as standard SQL has it; some
databases pass over nulls there). Only COALESCE passes over nulls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Final, TypeAlias

import numpy as np

from operators.base.arrays import Floats
from operators.rules.tree import Arithmetic, Call, Negative

Values: TypeAlias = Floats | np.float64
Expression: TypeAlias = Negative | Arithmetic | Call

_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


def _coalesce(first: Values, second: Values) -> Values:
    return np.where(np.isnan(first), second, first)


_FOLDS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "COALESCE": _coalesce,
    "LEAST": np.minimum,
    "GREATEST": np.maximum,
}


def compute(expression: Expression, values: Sequence[Values]) -> Values:
    """The value of an expression from those of its operands: float64, shapes broadcast."""
    match expression:
        case Negative():
            return -values[0]
        case Arithmetic(_, operators):
            return _chain(operators, values)
        case Call("ABS"):
            return np.abs(values[0])
        case Call(function):
            return reduce(_FOLDS[function], values)


def _chain(operators: Sequence[str], values: Sequence[Values]) -> Values:
    result = values[0]
    with np.errstate(all="ignore"):
        for operator, value in zip(operators, values[1:], strict=True):
            result = _OPERATORS[operator](result, value)
            result = np.where(np.isfinite(result), result, np.nan)
    return result
