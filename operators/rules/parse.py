"""From the text of a condition to a checked tree.

The language is a part of SQL. A condition is made of comparisons
(`=`, `<>`, `<`, `<=`, `>`, `>=`), `IS [NOT] NULL`, `[NOT] BETWEEN`, `[NOT] IN`, TRUE and FALSE,
in_segment('name'), contains(list, 'text'), with AND, OR, NOT and parentheses. Numbers and ages
may be computed with; categories are texts, and are compared by `=`, `<>`, IN, `[NOT] LIKE`,
`[NOT] ILIKE` and `[NOT] STARTS WITH`, also in LOWER or UPPER; clusters are compared with the
names that people gave them, too. CASE WHEN gives a number or a text. Lists are asked for what
they contain, and for nothing else. Names of features are case-sensitive, words of the language
are not; a name with blanks or of a keyword stands in "double quotes".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from sqlglot import exp

from operators.base.errors import RuleError, nearest
from operators.base.frame import FeatureColumn, Kind
from operators.rules.arithmetic import Expression, compute
from operators.rules.grammar import read
from operators.rules.syntax import COMPARISONS, LIKES, each, is_atom, spine, starts_with
from operators.rules.text_tests import STARTS_WITH, TextTest
from operators.rules.texts import FUNCTIONS as TEXT_FUNCTIONS
from operators.rules.tokens import IN_SEGMENT, place, shown
from operators.rules.tree import (
    LARGEST_WHOLE,
    MIRROR,
    All,
    Arithmetic,
    Atom,
    Between,
    Call,
    CaseWhen,
    Comparison,
    Condition,
    Constant,
    Contains,
    Feature,
    Fits,
    InSegment,
    IsNull,
    Negative,
    Number,
    OneOf,
    Operand,
    Some,
    Text,
    TextCall,
    atoms,
    features,
    is_text,
    operands,
    parts,
)

_ADDITIVE: Final[dict[type[exp.Expr], str]] = {exp.Add: "+", exp.Sub: "-"}
_MULTIPLICATIVE: Final[dict[type[exp.Expr], str]] = {exp.Mul: "*", exp.Div: "/"}


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
        if not is_atom(node):
            raise self._error(node, self._no_condition(node))
        atom = self._atom(node)
        if not _asks(atom):
            raise self._error(node, f"{atom} compares no feature; write TRUE or FALSE")
        return atom.complement() if negated else atom

    def _joined(self, node: exp.And | exp.Or, negated: bool) -> Condition:
        joint = All if isinstance(node, exp.And) ^ negated else Some
        sides, _ = spine(node, (type(node),))
        children: list[Condition] = []
        for part in each(lambda side: self.condition(side, negated), sides):
            children.extend(part.children if isinstance(part, joint) else (part,))
        return joint(tuple(children))

    def _no_condition(self, node: exp.Expr) -> str:
        operand = self._operand(node)
        return (
            f"expected a condition such as product_views > 3, found the {_kind(operand)} {operand}"
        )

    def _atom(self, node: exp.Expr) -> Atom:
        if isinstance(node, exp.Anonymous):
            return self._called(node)
        if isinstance(node, LIKES):
            return self._fits(node)
        if isinstance(node, exp.Boolean):
            return Constant(bool(node.this))
        if isinstance(node, exp.Is):
            return IsNull(self._operand(node.this))
        if isinstance(node, exp.In):
            return self._one_of(node)
        return self._between(node) if isinstance(node, exp.Between) else self._comparison(node)

    def _called(self, node: exp.Anonymous) -> Atom:
        if starts_with(node):
            return self._fits(node)
        in_segment = node.name.upper() == IN_SEGMENT
        return self._in_segment(node) if in_segment else self._contains(node)

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

    def _fits(self, node: exp.Expr) -> Fits:
        escape, like = "", node
        if isinstance(node, exp.Escape):
            escape, like = node.expression.name, node.this
        of, pattern = self._sides_of_pattern(like)
        operator = STARTS_WITH
        if isinstance(like, exp.Like | exp.ILike):
            operator = like.key.upper()
        operand = self._operand(of)
        if not is_text(operand):
            told = f"{operator} is asked of texts, and {operand} is a {_kind(operand)}"
            raise self._error(node, told)
        text = self._operand(pattern)
        if not isinstance(text, Text):
            raise self._error(pattern, f"expected a text after {operator}, found {text}")
        test = TextTest(operator, text.value, escape)
        if (problem := test.problem()) is not None:
            raise self._error(node, problem)
        return Fits(operand, test, bool(like.args.get("negate")))

    def _sides_of_pattern(self, node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
        if not isinstance(node, exp.Anonymous):
            return node.this, node.expression
        sides = node.expressions
        if len(sides) != 2:
            expected = "expected two texts, as in starts_with(device, 'mob')"
            raise self._error(node, expected)
        return sides[0], sides[1]

    def _comparison(self, node: exp.Expr) -> Comparison:
        operator = COMPARISONS[type(node)]
        left, right = each(self._operand, (node.this, node.expression))
        if operator in ("=", "<>"):
            left = self._numbered(node.this, left, right)
            right = self._numbered(node.expression, right, left)
        atom = Comparison(operator, left, right)
        if isinstance(left, Number | Text) and not isinstance(right, Number | Text):
            atom = Comparison(MIRROR[operator], right, left)
        self._check_sides(node, left, right)
        if operator not in ("=", "<>") and is_text(left):
            side = f"{left} is a {_kind(left)}"
            raise self._error(node, f"{operator} compares numbers, but {side}; use =, <> or IN")
        return atom

    def _between(self, node: exp.Between) -> Between:
        sides = (node.this, node.args["low"], node.args["high"])
        operand, low, high = each(self._between_side, sides)
        return Between(operand, low, high)

    def _between_side(self, node: exp.Expr) -> Operand:
        side = self._operand(node)
        if is_text(side):
            raise self._error(node, f"BETWEEN compares numbers, but {side} is a {_kind(side)}")
        return side

    def _one_of(self, node: exp.In) -> OneOf:
        operand, *found = each(self._operand, (node.this, *node.expressions))
        options: list[Number | Text] = []
        for one, at in zip(found, node.expressions, strict=True):
            option = self._numbered(at, one, operand)
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
        if is_text(left) is not is_text(right):
            sides = f"{left} is a {_kind(left)}, {right} is a {_kind(right)}"
            raise self._error(node, f"the sides don't match: {sides}")

    def _operand(self, node: exp.Expr) -> Operand:
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column):
            return self._single(node)
        if isinstance(node, exp.Literal):
            return Text(node.this) if node.is_string else self._number(node)
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Anonymous) and node.name.upper() in TEXT_FUNCTIONS:
            return self._text_call(node)
        return self._folded(node, self._expression(node))

    def _case(self, node: exp.Case) -> CaseWhen:
        ifs = node.args["ifs"]
        conditions = each(lambda branch: self.condition(branch.this, negated=False), ifs)
        last = node.args.get("default")
        results = [branch.args["true"] for branch in ifs] + ([] if last is None else [last])
        values = each(self._operand, results)
        for value, at in zip(values, results, strict=True):
            self._check_sides(at, values[0], value)
        otherwise = None if last is None else values[-1]
        return CaseWhen(tuple(zip(conditions, values, strict=False)), otherwise)

    def _text_call(self, node: exp.Anonymous) -> TextCall | Text:
        function = node.name.upper()
        arguments = each(self._operand, node.expressions)
        if len(arguments) != 1:
            raise self._error(node, f"{function} takes one text, found {len(arguments)}")
        (operand,) = arguments
        if isinstance(operand, Text):
            return Text(TEXT_FUNCTIONS[function](operand.value))
        if not is_text(operand):
            raise self._error(node, f"{function} takes a text, and {operand} is a {_kind(operand)}")
        return TextCall(function, operand)

    def _expression(self, node: exp.Expr) -> Expression:
        if isinstance(node, exp.Neg):
            return Negative(self._numeric(node.this))
        if isinstance(node, exp.Add | exp.Sub):
            return self._chain(node, _ADDITIVE)
        if isinstance(node, exp.Mul | exp.Div):
            return self._chain(node, _MULTIPLICATIVE)
        if isinstance(node, exp.And | exp.Or | exp.Not) or is_atom(node):
            raise self._error(node, "expected a number or text, found a condition")
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        raise self._error(node, "a list in parentheses stands only after IN")

    def _chain(self, node: exp.Expr, classes: Mapping[type[exp.Expr], str]) -> Arithmetic:
        parts, joints = spine(node, tuple(classes))
        first, *rest = each(self._numeric, parts)
        operators = tuple(classes[joint] for joint in joints)
        if isinstance(first, Arithmetic) and first.operators[0] in classes.values():
            return Arithmetic((*first.operands, *rest), first.operators + operators)
        return Arithmetic((first, *rest), operators)

    def _call(self, node: exp.Anonymous) -> Call:
        function = node.name.upper()
        arguments = each(self._numeric, node.expressions)
        if function == "ABS" and len(arguments) != 1:
            raise self._error(node, f"ABS takes one number, found {len(arguments)}")
        return Call(function, tuple(arguments))

    def _numeric(self, node: exp.Expr) -> Operand:
        operand = self._operand(node)
        if is_text(operand):
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
        whole = node.this
        if whole.isdecimal() and int(whole) > LARGEST_WHOLE:
            raise self._error(
                node,
                f"{whole} is beyond 2^53, where whole numbers next to each other are the same: "
                f"write an id as a text, '{whole}', and an amount as {whole}.0",
            )
        return Number(value)

    def _error(self, node: exp.Expr, message: str) -> RuleError:
        starts = (part.meta.get("start") for part in node.walk())
        at = min((start for start in starts if start is not None), default=0)
        return RuleError(f"{place(self._text, at)}: {message}")


def _asks(atom: Atom) -> bool:
    """Whether an atom depends on anything, or says at once that it doesn't."""
    if isinstance(atom, Constant | InSegment):
        return True
    inner = list(atoms(atom))
    return any(isinstance(x, InSegment) or any(features(*operands(x))) for x in inner)


def _kind(operand: Operand) -> str:
    if isinstance(operand, Feature) and operand.kind is Kind.CATEGORY:
        return "category"
    return "text" if is_text(operand) else "number"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
