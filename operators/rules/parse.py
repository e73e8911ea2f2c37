"""From the text of a condition to a checked tree.

The language is a part of SQL. A condition is made of comparisons
(`=`, `<>`, `<`, `<=`, `>`, `>=`), `IS [NOT] NULL`, `[NOT] BETWEEN`, `[NOT] IN`, TRUE and FALSE,
in_segment('name'), contains(list, 'text'), with AND, OR, NOT and parentheses. Numbers and ages
may be computed with; categories are texts, and are compared by `=`, `<>` and IN only, and so are
clusters with the names that people gave them. Lists are asked for what they contain, and for
nothing else. Names of features are case-sensitive, words of the language are not; a name with
blanks or of a keyword stands in "double quotes".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from sqlglot import exp

from operators.base.errors import RuleError, nearest
from operators.base.frame import FeatureColumn, Kind
from operators.rules.arithmetic import Expression, compute
from operators.rules.grammar import read
from operators.rules.tokens import CONTAINS, IN_SEGMENT, place, shown
from operators.rules.tree import (
    MIRROR,
    All,
    Arithmetic,
    Atom,
    Between,
    Call,
    Comparison,
    Condition,
    Constant,
    Contains,
    Feature,
    InSegment,
    IsNull,
    Negative,
    Number,
    OneOf,
    Operand,
    Some,
    Text,
    features,
    operands,
    parts,
)

_Result = TypeVar("_Result")

_MOST_PROBLEMS: Final = 10  # in one chain; each costs a search for the nearest name

_COMPARISONS: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ADDITIVE: Final[dict[type[exp.Expr], str]] = {exp.Add: "+", exp.Sub: "-"}
_MULTIPLICATIVE: Final[dict[type[exp.Expr], str]] = {exp.Mul: "*", exp.Div: "/"}
_ATOMS: Final = (*_COMPARISONS, exp.Between, exp.In, exp.Is, exp.Boolean)


def parse(
    text: str, columns: Mapping[str, FeatureColumn], segments: Collection[str] | None = None
) -> Condition:
    """A condition over these columns, checked, with every NOT pushed down to its atoms.

    `segments` are the names that in_segment may ask for; None where there are no segments.

    Raises:
        RuleError: it is none. All wrong names and types are named, the first wrong word.
    """
    return _Parse(text, columns, segments).condition(read(text), negated=False)


class _Parse:
    def __init__(
        self, text: str, columns: Mapping[str, FeatureColumn], segments: Collection[str] | None
    ) -> None:
        self._text = text
        self._columns = columns
        self._segments = segments

    def condition(self, node: exp.Expr, negated: bool) -> Condition:
        """The condition of a node, or its negation."""
        while isinstance(node, exp.Paren | exp.Not):
            negated ^= isinstance(node, exp.Not)
            node = node.this
        if isinstance(node, exp.And | exp.Or):
            return self._joined(node, negated)
        if not _is_atom(node):
            raise self._error(node, self._no_condition(node))
        atom = self._atom(node)
        if not isinstance(atom, Constant | InSegment) and not any(features(*operands(atom))):
            raise self._error(node, f"{atom} compares no feature; write TRUE or FALSE")
        return atom.complement() if negated else atom

    def _joined(self, node: exp.And | exp.Or, negated: bool) -> Condition:
        joint = All if isinstance(node, exp.And) ^ negated else Some
        sides, _ = _spine(node, (type(node),))
        children: list[Condition] = []
        for part in _each(lambda side: self.condition(side, negated), sides):
            children.extend(part.children if isinstance(part, joint) else (part,))
        return joint(tuple(children))

    def _no_condition(self, node: exp.Expr) -> str:
        operand = self._operand(node)
        return (
            f"expected a condition such as product_views > 3, found the {_kind(operand)} {operand}"
        )

    def _atom(self, node: exp.Expr) -> Atom:
        if isinstance(node, exp.Anonymous):
            in_segment = node.name.upper() == IN_SEGMENT
            return self._in_segment(node) if in_segment else self._contains(node)
        if isinstance(node, exp.Boolean):
            return Constant(bool(node.this))
        if isinstance(node, exp.Is):
            return IsNull(self._operand(node.this))
        if isinstance(node, exp.In):
            return self._one_of(node)
        if isinstance(node, exp.Between):
            return self._between(node)
        return self._comparison(node)

    def _in_segment(self, node: exp.Anonymous) -> InSegment:
        if self._segments is None:
            raise self._error(node, "in_segment stands only in the conditions of segments")
        name, *others = node.expressions
        if others or not (isinstance(name, exp.Literal) and name.is_string):
            raise self._error(node, "expected the name of one segment, as in in_segment('VIP')")
        if name.this not in self._segments:
            known = list(self._segments)
            hint = nearest(name.this, known) or f"; there are {_listed(known)}"
            raise self._error(name, f"unknown segment {shown(name.this)}{hint}")
        return InSegment(name.this)

    def _contains(self, node: exp.Anonymous) -> Contains:
        sides = node.expressions
        expected = "expected a list and a text, as in contains(brands, 'shoes')"
        if len(sides) != 2 or not isinstance(sides[0], exp.Column):
            raise self._error(node, expected)
        of, text = self._feature(sides[0]), sides[1]
        if of.kind is not Kind.LIST:
            raise self._error(sides[0], f"{expected}; {of} is a {_kind(of)}")
        if not (isinstance(text, exp.Literal) and text.is_string):
            raise self._error(node, expected)
        return Contains(of, Text(text.this))

    def _comparison(self, node: exp.Expr) -> Comparison:
        operator = _COMPARISONS[type(node)]
        left, right = _each(self._operand, (node.this, node.expression))
        if operator in ("=", "<>"):
            left = self._numbered(node.this, left, right)
            right = self._numbered(node.expression, right, left)
        atom = Comparison(operator, left, right)
        if isinstance(left, Number | Text) and not isinstance(right, Number | Text):
            atom = Comparison(MIRROR[operator], right, left)
        self._check_sides(node, left, right)
        if operator not in ("=", "<>") and _is_text(left):
            side = f"{left} is a {_kind(left)}"
            raise self._error(node, f"{operator} compares numbers, but {side}; use =, <> or IN")
        return atom

    def _between(self, node: exp.Between) -> Between:
        sides = (node.this, node.args["low"], node.args["high"])
        operand, low, high = _each(self._between_side, sides)
        return Between(operand, low, high)

    def _between_side(self, node: exp.Expr) -> Operand:
        side = self._operand(node)
        if _is_text(side):
            raise self._error(node, f"BETWEEN compares numbers, but {side} is a {_kind(side)}")
        return side

    def _one_of(self, node: exp.In) -> OneOf:
        operand, *found = _each(self._operand, (node.this, *node.expressions))
        options: list[Number | Text] = []
        for each, at in zip(found, node.expressions, strict=True):
            option = self._numbered(at, each, operand)
            if not isinstance(option, Number | Text):
                raise self._error(at, f"IN takes numbers or 'texts', found {option}")
            self._check_sides(at, operand, option)
            options.append(option)
        return OneOf(operand, tuple(dict.fromkeys(options)))

    def _numbered(self, node: exp.Expr, side: Operand, other: Operand) -> Operand:
        """The number that a text stands for beside a feature whose numbers have names."""
        names = self._columns[other.name].names if isinstance(other, Feature) else ()
        if not names or not isinstance(side, Text):
            return side
        for name, number in names:
            if name.casefold() == side.value.casefold():
                return Number(float(number))
        known = [name for name, _ in names]
        hint = nearest(side.value, known) or f"; there are {_listed(known)}"
        raise self._error(node, f"{other} has none of the name {side}{hint}")

    def _check_sides(self, node: exp.Expr, left: Operand, right: Operand) -> None:
        if _is_text(left) is not _is_text(right):
            sides = f"{left} is a {_kind(left)}, {right} is a {_kind(right)}"
            raise self._error(node, f"the sides don't match: {sides}")

    def _operand(self, node: exp.Expr) -> Operand:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column):
            return self._single(node)
        if isinstance(node, exp.Literal):
            return Text(node.this) if node.is_string else self._number(node)
        return self._folded(node, self._expression(node))

    def _expression(self, node: exp.Expr) -> Expression:
        if isinstance(node, exp.Neg):
            return Negative(self._numeric(node.this))
        if isinstance(node, exp.Add | exp.Sub):
            return self._chain(node, _ADDITIVE)
        if isinstance(node, exp.Mul | exp.Div):
            return self._chain(node, _MULTIPLICATIVE)
        if isinstance(node, exp.And | exp.Or | exp.Not) or _is_atom(node):
            raise self._error(node, "expected a number or text, found a condition")
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        raise self._error(node, "a list in parentheses stands only after IN")

    def _chain(self, node: exp.Expr, classes: Mapping[type[exp.Expr], str]) -> Arithmetic:
        parts, joints = _spine(node, tuple(classes))
        first, *rest = _each(self._numeric, parts)
        operators = tuple(classes[joint] for joint in joints)
        if isinstance(first, Arithmetic) and first.operators[0] in classes.values():
            return Arithmetic((*first.operands, *rest), first.operators + operators)
        return Arithmetic((first, *rest), operators)

    def _call(self, node: exp.Anonymous) -> Call:
        function = node.name.upper()
        arguments = _each(self._numeric, node.expressions)
        if function == "ABS" and len(arguments) != 1:
            raise self._error(node, f"ABS takes one number, found {len(arguments)}")
        return Call(function, tuple(arguments))

    def _numeric(self, node: exp.Expr) -> Operand:
        operand = self._operand(node)
        if _is_text(operand):
            message = f"only numbers can be computed with, and {operand} is a {_kind(operand)}"
            raise self._error(node, message)
        return operand

    def _folded(self, node: exp.Expr, expression: Expression) -> Expression | Number:
        inner = parts(expression)
        constants = [np.float64(part.value) for part in inner if isinstance(part, Number)]
        if len(constants) < len(inner):
            return expression
        value = float(compute(expression, constants))
        if not np.isfinite(value):
            raise self._error(node, f"{expression} has no value")
        return Number(value)

    def _single(self, node: exp.Column) -> Feature:
        feature = self._feature(node)
        if feature.kind is Kind.LIST:
            asked = f"contains({feature}, 'text')"
            raise self._error(node, f"{feature} is a list, which only {asked} can be asked of")
        return feature

    def _feature(self, node: exp.Column) -> Feature:
        column = self._columns.get(node.name)
        if column is None:
            known = list(self._columns)
            hint = nearest(node.name, known) or f"; there are {_listed(known)}"
            raise self._error(node, f"unknown feature {shown(node.name)}{hint}")
        return Feature(column.name, column.kind)

    def _number(self, node: exp.Literal) -> Number:
        try:
            value = float(node.this)
        except ValueError:
            raise self._error(node, f"expected a number, found {shown(node.this)}") from None
        if not np.isfinite(value):
            raise self._error(node, f"the number {shown(node.this)} is too large")
        return Number(value)

    def _error(self, node: exp.Expr, message: str) -> RuleError:
        starts = (part.meta.get("start") for part in node.walk())
        at = min((start for start in starts if start is not None), default=0)
        return RuleError(f"{place(self._text, at)}: {message}")


def _each(convert: Callable[[exp.Expr], _Result], nodes: Iterable[exp.Expr]) -> list[_Result]:
    results, problems = [], []
    for node in nodes:
        try:
            results.append(convert(node))
        except RuleError as error:
            problems.append(str(error))
        if len(problems) == _MOST_PROBLEMS:
            problems.append("and maybe more")
            break
    if problems:
        raise RuleError("; ".join(problems))
    return results


def _spine(
    node: exp.Expr, classes: tuple[type[exp.Expr], ...]
) -> tuple[list[exp.Expr], list[type[exp.Expr]]]:
    """The operands and operators of a chain, from left to right, however long it is."""
    sides, joints = [], []
    while isinstance(node, classes):
        sides.append(node.args["expression"])
        joints.append(type(node))
        node = node.this
    return [node, *reversed(sides)], joints[::-1]


def _is_atom(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.upper() in (IN_SEGMENT, CONTAINS)
    return isinstance(node, _ATOMS)


def _is_text(operand: Operand) -> bool:
    return _kind(operand) in ("text", "category")


def _kind(operand: Operand) -> str:
    if isinstance(operand, Feature) and operand.kind is Kind.CATEGORY:
        return "category"
    return "text" if isinstance(operand, Text) else "number"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
