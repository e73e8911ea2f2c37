"""Which events a feature counts: those of some types that meet a condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from sqlglot import exp

from operators.base.arrays import Mask
from operators.base.dictionary import Dictionary
from operators.base.errors import RuleError
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.features.arrivals import Arrivals
from operators.rules.circuit import Circuit
from operators.rules.grammar import read
from operators.rules.parse import parse

_TOLD_APART: Final = 2**53


class PropertyFilter:
    """A condition over the properties of an event, such as `price > 100 AND category = 'shoes'`.

    A property that is compared with a text is a text, and so is one of which nothing is asked
    but whether it is null, since numbers are read as texts, too; any other is a number. What is
    missing is null, and an unknown condition is not met.

    Raises:
        RuleError: it is no condition, compares a property with both, or has a whole number that
            is the same as its neighbours.
    """

    def __init__(self, text: str) -> None:
        tree = read(text)
        _check_numbers(tree)
        kinds = _kinds(tree)
        self.columns = {name: FeatureColumn(name, kind) for name, kind in kinds.items()}
        condition = parse(text, self.columns)
        self._circuit = Circuit([condition])
        self._literal = self._circuit.literals[condition]

    @property
    def numbers(self) -> frozenset[str]:
        """The properties that are read as numbers."""
        return frozenset(name for name, c in self.columns.items() if c.kind is Kind.NUMBER)

    @property
    def texts(self) -> frozenset[str]:
        """The properties that are read as texts."""
        return frozenset(self.columns) - self.numbers

    def met(self, arrivals: Arrivals, dictionary: Dictionary) -> Mask:
        """For which events the condition is true, bool[n]."""
        values = np.empty((len(self.columns), len(arrivals)))
        for row, column in zip(values, self.columns.values(), strict=True):
            if column.kind is Kind.NUMBER:
                row[:] = arrivals.numbers[column.name]
            else:
                codes = arrivals.texts[column.name]
                row[:] = np.where(codes < 0, np.nan, codes)
        frame = Frame(self.columns, values, arrivals.time_us, dictionary)
        met: Mask = self._circuit.evaluate(frame).truths[self._literal]
        return met


@dataclass(frozen=True)
class EventFilter:
    """Event types by their codes (None: all) out of `known`, and a condition if there is one."""

    codes: Sequence[int] | None
    known: int
    where: PropertyFilter | None = None

    @classmethod
    def of(
        cls, types: Sequence[str] | None, known: Sequence[str], where: str | None = None
    ) -> EventFilter:
        """Those of some types, None for all, out of the types that are known."""
        codes = None if types is None else tuple(known.index(name) for name in types)
        return cls(codes, len(known), None if where is None else PropertyFilter(where))

    def among(self, arrivals: Arrivals, dictionary: Dictionary) -> Mask:
        """Which events are chosen, bool[n]."""
        chosen: Mask = self._wanted[arrivals.type]
        if self.where is not None:
            chosen &= self.where.met(arrivals, dictionary)
        return chosen

    @cached_property
    def _wanted(self) -> Mask:
        """Which types are chosen, bool[known + 1], the last for any that is not known."""
        wanted = np.full(self.known + 1, self.codes is None)
        if self.codes is not None:
            wanted[list(self.codes)] = True
        return wanted


def _check_numbers(tree: exp.Expr) -> None:
    """Refuse whole numbers that floats don't tell apart: they are ids, which are texts."""
    for literal in tree.find_all(exp.Literal):
        number = literal.name
        if not literal.is_string and number.isdecimal() and float(number) > _TOLD_APART:
            raise RuleError(
                f"{number} is beyond 2^53, where whole numbers next to each other are the same: "
                f"write it as a text, '{number}'"
            )


def _kinds(tree: exp.Expr) -> dict[str, Kind]:
    """The properties of a condition, in the order in which they stand, and what they are."""
    columns = list(tree.find_all(exp.Column, bfs=False))
    compared = {column.name for column in columns if not isinstance(_around(column), exp.Is)}
    kinds = {x.name: Kind.NUMBER if x.name in compared else Kind.CATEGORY for x in columns}
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.In):
        sides = [side.unnest() for side in (node.this, *(node.expressions or [node.expression]))]
        if any(isinstance(side, exp.Literal) and side.is_string for side in sides):
            kinds |= {x.name: Kind.CATEGORY for x in sides if isinstance(x, exp.Column)}
    return kinds


def _around(node: exp.Expr) -> exp.Expr | None:
    """What a node stands in, but for parentheses."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent
