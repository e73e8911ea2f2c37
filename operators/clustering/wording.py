"""Why a user is in a cluster, in words: `views_7d = 12 (here 14.2, next 3.1)`."""

from __future__ import annotations

from math import isfinite
from typing import Final

from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import LARGEST
from operators.clustering.space import Space
from operators.rules.tree import quoted

_DIGITS: Final = 3
_WHOLE: Final = 1e15  # below it whole numbers are written as such


class Phrases:
    """What the dimensions of a model say for a cluster against another; each pair is put once."""

    def __init__(self, model: ClusterModel, space: Space) -> None:
        self._dimensions = space.dimensions
        self._typical = model.preparation.in_units(model.centers).tolist()
        self._compared: dict[tuple[int, int, int], str] = {}

    def phrase(self, dimension: int, x: float, own: int, following: int) -> str:
        """A user's raw value with what is usual in the own cluster and in the next, by rows."""
        key = (dimension, own, following)
        compared = self._compared.get(key)
        if compared is None:
            compared = self._compared[key] = self._comparison(*key)
        return f"{self._value(dimension, x)} ({compared})"

    def _comparison(self, dimension: int, own: int, following: int) -> str:
        one_hot = self._dimensions[dimension].category is not None
        shown = _percent if one_hot else _number
        here, there = (self._typical[row][dimension] for row in (own, following))
        return f"here {shown(here)}, next {shown(there)}"

    def _value(self, dimension: int, x: float) -> str:
        axis = self._dimensions[dimension]
        if axis.category is not None:
            return f"{axis.feature} {'=' if x else 'is not'} {quoted(axis.category)}"
        known = isfinite(x) and abs(x) <= LARGEST
        return f"{axis.feature} = {_number(x)}" if known else f"{axis.feature} is unknown"


def _number(x: float) -> str:
    """To three digits, whole numbers exactly: 14.2, 1234, 0.0012."""
    magnitude = abs(x)
    if x.is_integer() and magnitude < _WHOLE:
        return str(int(x))
    whole = 10 ** (_DIGITS - 1) <= magnitude < _WHOLE
    return f"{x:.0f}" if whole else f"{x:.{_DIGITS}g}"


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0):.0%}"
