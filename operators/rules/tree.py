"""Conditions as trees of small values: what the parser makes and everything else reads.

Equal trees are equal values, so that what several segments share is found by looking it up.
`str` of a tree is a text that parses to the same tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from operators.base.frame import Kind
from operators.rules.text_tests import TextTest

KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IS", "NULL", "BETWEEN", "IN", "TRUE", "FALSE"})
COMPLEMENT: Final = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRROR: Final = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

LARGEST_WHOLE: Final = 2**53  # from here on some whole numbers are the same as their neighbours

_PLAIN_NAME = re.compile(r"[^\W\d]\w*")


def quoted(text: str) -> str:
    """A text as SQL writes it: it's -> 'it''s'."""
    return "'" + text.replace("'", "''") + "'"


def number_text(value: float) -> str:
    """A number in the shortest way that reads back as the same one, integers without .0."""
    return str(int(value)) if value.is_integer() and abs(value) <= LARGEST_WHOLE else repr(value)


@dataclass(frozen=True, slots=True)
class Feature:
    """A column by its name."""

    name: str
    kind: Kind

    def __str__(self) -> str:
        if _PLAIN_NAME.fullmatch(self.name) and self.name.upper() not in KEYWORDS:
            return self.name
        return '"' + self.name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Number:
    value: float

    def __str__(self) -> str:
        return number_text(self.value)


@dataclass(frozen=True, slots=True)
class Text:
    value: str

    def __str__(self) -> str:
        return quoted(self.value)


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Operand

    def __str__(self) -> str:
        simple = not isinstance(self.operand, Arithmetic | Negative)
        return f"-{self.operand}" if simple else f"-({self.operand})"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A chain of one precedence, from left to right: a + b - c, or a * b / c.

    `operators` has one less than `operands`.
    """

    operands: tuple[Operand, ...]
    operators: tuple[str, ...]

    @property
    def additive(self) -> bool:
        return self.operators[0] in "+-"

    def __str__(self) -> str:
        first, *rest = self.operands
        pairs = zip(self.operators, rest, strict=True)
        return self._part(first) + "".join(f" {o} {self._part(x)}" for o, x in pairs)

    def _part(self, operand: Operand) -> str:
        binds_tighter = isinstance(operand, Arithmetic) and self.additive and not operand.additive
        if isinstance(operand, Arithmetic | Negative) and not binds_tighter:
            return f"({operand})"
        return str(operand)


@dataclass(frozen=True, slots=True)
class Call:
    """COALESCE, ABS, LEAST or GREATEST."""

    function: str
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.operands))})"


@dataclass(frozen=True, slots=True)
class TextCall:
    """LOWER or UPPER of a text."""

    function: str
    operand: Operand

    def __str__(self) -> str:
        return f"{self.function}({self.operand})"


@dataclass(frozen=True, slots=True)
class CaseWhen:
    """The value of the first branch whose condition is true, else `otherwise`; null without one."""

    branches: tuple[tuple[Condition, Operand], ...]
    otherwise: Operand | None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the branches ask for, in order."""
        return tuple(condition for condition, _ in self.branches)

    @property
    def values(self) -> tuple[Operand, ...]:
        """What it may come to, of the branches in order and then otherwise."""
        last = () if self.otherwise is None else (self.otherwise,)
        return *(value for _, value in self.branches), *last

    def __str__(self) -> str:
        branches = "".join(f" WHEN {when} THEN {_apart(value)}" for when, value in self.branches)
        otherwise = "" if self.otherwise is None else f" ELSE {self.otherwise}"
        return f"CASE{branches}{otherwise} END"


Operand: TypeAlias = Feature | Number | Text | Negative | Arithmetic | Call | TextCall | CaseWhen


def _apart(value: Operand) -> str:
    """A value before WHEN, where a feature called case would begin a CASE."""
    text = str(value)
    return f"({text})" if text.upper().endswith("CASE") else text


def is_text(operand: Operand) -> bool:
    """Whether an operand is a text; else it is a number, or a list."""
    if isinstance(operand, CaseWhen):
        return is_text(operand.values[0])
    if isinstance(operand, Feature):
        return operand.kind is Kind.CATEGORY
    return isinstance(operand, Text | TextCall)


@dataclass(frozen=True, slots=True)
class Comparison:
    """left operator right, with one of = <> < <= > >=; a constant stands on the right."""

    operator: str
    left: Operand
    right: Operand

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"

    def complement(self) -> Comparison:
        """What holds if this is false."""
        return replace(self, operator=COMPLEMENT[self.operator])


@dataclass(frozen=True, slots=True)
class Between:
    operand: Operand
    low: Operand
    high: Operand
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.operand} {'NOT ' * self.negated}BETWEEN {self.low} AND {self.high}"

    def complement(self) -> Between:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class OneOf:
    operand: Operand
    options: tuple[Number | Text, ...]
    negated: bool = False

    def __str__(self) -> str:
        options = ", ".join(map(str, self.options))
        return f"{self.operand} {'NOT ' * self.negated}IN ({options})"

    def complement(self) -> OneOf:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Operand
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.operand} IS {'NOT ' * self.negated}NULL"

    def complement(self) -> IsNull:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool

    def __str__(self) -> str:
        return str(self.value).upper()

    def complement(self) -> Constant:
        """What holds if this is false."""
        return Constant(not self.value)


@dataclass(frozen=True, slots=True)
class InSegment:
    """Being a member of another segment; never unknown."""

    segment: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'NOT ' * self.negated}in_segment({quoted(self.segment)})"

    def complement(self) -> InSegment:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class Contains:
    """A text being in a list; never unknown, as nothing is in an empty one."""

    operand: Feature
    text: Text
    negated: bool = False

    def __str__(self) -> str:
        return f"{'NOT ' * self.negated}contains({self.operand}, {self.text})"

    def complement(self) -> Contains:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True, slots=True)
class Fits:
    """A text fitting a pattern: operand LIKE 'pattern' ESCAPE '!', ILIKE or STARTS WITH."""

    operand: Operand
    test: TextTest
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.operand} {'NOT ' * self.negated}{self.asked}"

    @property
    def asked(self) -> str:
        """What is asked of the operand."""
        escape = f" ESCAPE {quoted(self.test.escape)}" if self.test.escape else ""
        return f"{self.test.operator} {quoted(self.test.pattern)}{escape}"

    def complement(self) -> Fits:
        """What holds if this is false."""
        return replace(self, negated=not self.negated)


Atom: TypeAlias = Comparison | Between | OneOf | IsNull | Constant | InSegment | Contains | Fits


@dataclass(frozen=True, slots=True)
class All:
    """AND of two or more. The parser pushes NOT down into the atoms, so none stands above."""

    children: tuple[Condition, ...]

    def __str__(self) -> str:
        return " AND ".join(f"({x})" if isinstance(x, Some) else str(x) for x in self.children)


@dataclass(frozen=True, slots=True)
class Some:
    """OR of two or more."""

    children: tuple[Condition, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.children))


Condition: TypeAlias = Atom | All | Some


def atoms(condition: Condition) -> Iterator[Atom]:
    """Every atom of a condition, from left to right, behind each those of a CASE in it."""
    if isinstance(condition, All | Some):
        for child in condition.children:
            yield from atoms(child)
        return
    yield condition
    for case in cases_in(*operands(condition)):
        for each in case.conditions:
            yield from atoms(each)


def cases_in(*among: Operand) -> Iterator[CaseWhen]:
    """Every CASE in these operands, but for those in the conditions of another."""
    for operand in among:
        if isinstance(operand, CaseWhen):
            yield operand
        yield from cases_in(*parts(operand))


def operands(atom: Atom) -> tuple[Operand, ...]:
    """The operands that an atom compares, from left to right."""
    match atom:
        case Comparison(_, left, right):
            return left, right
        case Between(operand, low, high):
            return operand, low, high
        case OneOf(operand, options):
            return operand, *options
        case IsNull(operand) | Fits(operand):
            return (operand,)
        case Contains(operand, text):
            return operand, text
        case Constant() | InSegment():
            return ()


def ages(atom: Atom) -> set[str]:
    """The names of the ages in an atom."""
    return {x.name for x in features(*operands(atom)) if x.kind is Kind.AGE}


def parts(operand: Operand) -> tuple[Operand, ...]:
    """The operands that an operand is computed from; none for a feature or a constant.

    Of a CASE these are its values, and not what its conditions ask for.
    """
    match operand:
        case Negative(inner) | TextCall(_, inner):
            return (inner,)
        case CaseWhen():
            return operand.values
        case Arithmetic(inner, _) | Call(_, inner):
            return inner
    return ()


def features(*among: Operand) -> Iterator[Feature]:
    """Every feature in these operands, as often as it stands there, from left to right.

    Those in the conditions of a CASE are those of its atoms.
    """
    for operand in among:
        if isinstance(operand, Feature):
            yield operand
        yield from features(*parts(operand))
