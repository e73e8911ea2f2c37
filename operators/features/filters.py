"""Which events a feature counts: those of some types that meet a condition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlglot import exp

from operators.base.arrays import Mask
from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.features.arrivals import Arrivals
from operators.rules.circuit import Circuit
from operators.rules.grammar import read
from operators.rules.parse import parse
from operators.rules.syntax import starts_with
from operators.rules.texts import FUNCTIONS as TEXT_FUNCTIONS


class PropertyFilter:
    """A condition over the properties of an event, such as `price > 100 AND category = 'shoes'`.

    A property that is compared with a text, or asked what only texts are (`LIKE`, `LOWER`), is a
    text, and so is one of which nothing is asked but whether it is null, since numbers are read as
    texts, too; any other is a number. What is missing is null, and an unknown condition is not met.
    Of `compared_texts` more is asked than whether they are null.

    Raises:
        RuleError: it is no condition, or compares a property with both.
    """

    def __init__(self, text: str) -> None:
        tree = read(text)
        kinds = _kinds(tree)
        self.compared_texts = {x for x in _compared(tree) if kinds[x] is Kind.CATEGORY}
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


def _kinds(tree: exp.Expr) -> dict[str, Kind]:
    """The properties of a condition, in the order in which they stand, and what they are."""
    columns = list(tree.find_all(exp.Column, bfs=False))
    compared = _compared(tree)
    texts = {x.name for x in columns if x.name not in compared} | set(_texts_by_use(tree))
    groups = list(_alike(tree))
    while (
        found := {x for group in groups if _any_text(group, texts) for x in _names(group)} - texts
    ):
        texts |= found
    return {x.name: Kind.CATEGORY if x.name in texts else Kind.NUMBER for x in columns}


def _compared(tree: exp.Expr) -> set[str]:
    """The properties of which more is asked than whether they are null."""
    columns = tree.find_all(exp.Column)
    return {column.name for column in columns if not isinstance(_around(column), exp.Is)}


def _texts_by_use(tree: exp.Expr) -> Iterator[str]:
    """The properties of which something is asked or made that only texts have."""
    for node in tree.find_all(exp.Like, exp.ILike, exp.StartsWith):
        yield from _names([node.this])
    for node in tree.find_all(exp.Anonymous):
        if starts_with(node) or _is_text_call(node):
            yield from _names(node.expressions)


def _alike(tree: exp.Expr) -> Iterator[list[exp.Expr]]:
    """Values that are of one kind: sides of comparisons, results of a CASE."""
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.In):
        yield _values([node.this, *(node.expressions or [node.expression])])
    for case in tree.find_all(exp.Case):
        yield _values([case])


def _values(sides: Iterable[exp.Expr]) -> list[exp.Expr]:
    """The sides without parentheses, a CASE as the values that it may come to."""
    found: list[exp.Expr] = []
    for side in sides:
        value = side.unnest()
        if isinstance(value, exp.Case):
            results = [branch.args["true"] for branch in value.args["ifs"]]
            found += _values([*results, *filter(None, [value.args.get("default")])])
        else:
            found.append(value)
    return found


def _any_text(values: Iterable[exp.Expr], texts: Collection[str]) -> bool:
    return any(
        (isinstance(x, exp.Literal) and x.is_string)
        or _is_text_call(x)
        or (isinstance(x, exp.Column) and x.name in texts)
        for x in values
    )


def _names(values: Iterable[exp.Expr]) -> list[str]:
    return [x.name for x in _values(values) if isinstance(x, exp.Column)]


def _is_text_call(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() in TEXT_FUNCTIONS


def _around(node: exp.Expr) -> exp.Expr | None:
    """What a node stands in, but for parentheses."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return parent
