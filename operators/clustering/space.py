"""Which dimensions a cluster model has, and users as points in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints
from operators.base.frame import FeatureColumn, Frame, Kind


@dataclass(frozen=True)
class Dimension:
    """One axis: the number or age of a feature, or whether it has one category.

    `meaning` is equal where its numbers mean the same, whatever configuration they come from.
    `age_us` is the length of one unit of an age, 0 for what does not age.
    """

    feature: str
    category: str | None = None
    meaning: str = ""
    age_us: int = 0

    @property
    def name(self) -> str:
        """`spend_30d` for a number or an age, `device=mobile` for a category."""
        return self.feature if self.category is None else f"{self.feature}={self.category}"


@dataclass(frozen=True)
class Space:
    """The dimensions of a model, in order."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def of(cls, features: Sequence[str], columns: Mapping[str, FeatureColumn]) -> Space:
        """The space of these features: one dimension a number or age, one each category."""
        return cls(tuple(_dimensions(features, columns)))

    def __len__(self) -> int:
        return len(self.dimensions)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the dimensions are called, in order."""
        return tuple(dimension.name for dimension in self.dimensions)

    @cached_property
    def meanings(self) -> tuple[str, ...]:
        """What their numbers mean, in order: a model is of one space alone."""
        return tuple(f"{each.name} {each.meaning}" for each in self.dimensions)

    @cached_property
    def numeric(self) -> NDArray[np.bool_]:
        """Which dimensions are imputed and scaled, bool[d]: all but the one-hot ones."""
        return np.array([dimension.category is None for dimension in self.dimensions], bool)

    @cached_property
    def ages_us(self) -> Ints:
        """How long a unit of each age is, int64[d], 0 for what does not age."""
        return np.array([dimension.age_us for dimension in self.dimensions], np.int64)

    def points(self, frame: Frame) -> Floats:
        """The users of a frame as float64[n, d].

        NaN is a missing number or age. A category is 0 or 1: a missing one, or one without a
        dimension, is 0 in all of its feature's dimensions.
        """
        points = np.empty((len(frame), len(self)), order="F")  # as it is filled, and prepared
        for at, dimension in enumerate(self.dimensions):
            points[:, at] = _values(dimension, frame)
        return points


def _dimensions(
    features: Sequence[str], columns: Mapping[str, FeatureColumn]
) -> Iterator[Dimension]:
    for feature in features:
        column = columns[feature]
        meaning = f"{column.identity} {column.unit_us}"
        if column.kind is Kind.CATEGORY:
            yield from (Dimension(feature, each, meaning) for each in column.categories)
        else:
            yield Dimension(feature, meaning=meaning, age_us=column.unit_us)


def _values(dimension: Dimension, frame: Frame) -> Floats:
    if dimension.category is None:
        return frame.numbers(dimension.feature)
    code = frame.dictionary.code(dimension.category)
    if code is None:
        return np.zeros(len(frame))
    return np.where(frame.row(dimension.feature) == code, 1.0, 0.0)
