"""Which comparisons decided, in words: `product_views = 5 (> 3)`.

What stands in parentheses holds for the value before it: where `product_views > 3` is false,
`product_views = 2 (<= 3)`. Of a comparison with an unknown, it is what the condition asks for:
`since_purchase is unknown (< 30)`. Of another segment: `in segment VIP`, `not in segment VIP`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final, TypeAlias

from operators.frame import Kind
from operators.rules.circuit import Case, Circuit
from operators.rules.tree import (
    All,
    Atom,
    Between,
    Comparison,
    Condition,
    Constant,
    Feature,
    InSegment,
    IsNull,
    Number,
    OneOf,
    Operand,
    Some,
    Text,
    operands,
    quoted,
)

_FEWEST_DIGITS: Final = 6
_MOST_DIGITS: Final = 17  # enough for any float64
_SHORT: Final = 10**_FEWEST_DIGITS

Value: TypeAlias = float | str | None


@dataclass(frozen=True, slots=True)
class _Side:
    """One operand of a comparison: a row of the circuit's numbers, or a constant."""

    label: str
    row: int | None = None
    is_category: bool = False
    constant: float | None = None

    def value(self, case: Case) -> Value:
        """The value for the user, None if null; of a text that is no feature too."""
        if self.row is None:
            return self.constant
        number = case.numbers[self.row]
        if isnan(number):
            return None
        return case.frame.dictionary.text(int(number)) if self.is_category else number

    def text(self, value: Value, digits: int) -> str:
        """`device = 'mobile'`, `carts_1h = 2`, `carts_1h is unknown`, or the constant."""
        if self.row is None:
            return self.label
        if value is None:
            return f"{self.label} is unknown"
        shown = quoted(value) if isinstance(value, str) else _short(value, digits)
        return f"{self.label} = {shown}"


@dataclass(frozen=True, slots=True)
class _Fact:
    """A comparison to be filled in with values; `holds` and `fails` have a {} for each side."""

    sides: tuple[_Side, ...]
    holds: str
    fails: str

    def text(self, truth: bool | None, case: Case) -> str:
        values = [side.value(case) for side in self.sides]
        digits = _digits(self.sides, values)
        texts = [side.text(x, digits) for side, x in zip(self.sides, values, strict=True)]
        return (self.fails if truth is False else self.holds).format(*texts)


@dataclass(frozen=True, slots=True)
class _Threshold:
    """A number compared with a constant: what most rules are made of, so told without detours."""

    fact: _Fact
    label: str
    row: int
    constant: float
    holds: str
    fails: str

    def text(self, truth: bool | None, case: Case) -> str:
        value = case.numbers[self.row]
        if truth is not None and value.is_integer() and abs(value) < _SHORT:
            return f"{self.label} = {value:.0f} ({self.holds if truth else self.fails})"
        digits = f"{value:.{_FEWEST_DIGITS}g}"
        if truth is None or _side_of(float(digits), self.constant) != _side_of(
            value, self.constant
        ):
            return self.fact.text(truth, case)
        shown = str(int(value)) if _is_whole(value) else digits
        return f"{self.label} = {shown} ({self.holds if truth else self.fails})"


@dataclass(frozen=True, slots=True)
class _Choice:
    """A category compared with constants, or with null; told without detours, too."""

    side: _Side
    holds: str
    fails: str

    def text(self, truth: bool | None, case: Case) -> str:
        said = self.fails if truth is False else self.holds
        return self.side.text(self.side.value(case), _FEWEST_DIGITS) + said


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition to be explained: an atom with its fact, or the parts that make it."""

    literal: int
    fact: _Fact | _Threshold | _Choice | None
    children: tuple[Reason, ...]
    plain: bool  # an AND of atoms, as most conditions are

    def told(self, truth: bool | None, case: Case) -> str:
        """What an atom comes to."""
        text = case.told.get(id(self))
        if text is None:
            assert self.fact is not None, "only atoms are told"
            text = case.told[id(self)] = self.fact.text(truth, case)
        return text


class Reasons:
    """The reasons to the conditions of a circuit; what conditions share is there once."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._known: dict[Condition, Reason] = {}

    def of(self, condition: Condition) -> Reason:
        """The reason to a condition."""
        reason = self._known.get(condition)
        if reason is None:
            reason = self._known[condition] = self._reason(condition)
        return reason

    def _reason(self, condition: Condition) -> Reason:
        literal = self._circuit.literals[condition]
        if isinstance(condition, All | Some):
            children = tuple(map(self.of, dict.fromkeys(condition.children)))
            plain = isinstance(condition, All) and all(x.fact is not None for x in children)
            return Reason(literal, None, children, plain)
        sides = tuple(_side(operand, self._circuit.rows) for operand in operands(condition))
        converse = condition if isinstance(condition, Constant) else condition.complement()
        fact = _Fact(sides, _pattern(condition), _pattern(converse))
        special = _threshold(fact, condition, converse) or _choice(fact)
        return Reason(literal, special or fact, (), False)


def explain(reason: Reason, case: Case) -> list[str]:
    """The comparisons that made a condition true, false or unknown for a user.

    An AND that is true is so by all its parts, one that is false by those that are false, one
    that is unknown by those that are unknown; an OR likewise. So the parts that decide are
    always those with the value of the whole.
    """
    if reason.plain and case.truths[reason.literal]:
        return [child.told(True, case) for child in reason.children]
    truth = case.truth(reason.literal)
    if reason.fact is not None:
        return [reason.told(truth, case)]
    found: list[str] = []
    _add_deciding(reason, truth, case, found)
    return list(dict.fromkeys(found))


def _add_deciding(reason: Reason, truth: bool | None, case: Case, found: list[str]) -> None:
    for child in reason.children:
        if case.truth(child.literal) is truth:
            if child.fact is not None:
                found.append(child.told(truth, case))
            else:
                _add_deciding(child, truth, case, found)


def _threshold(fact: _Fact, condition: Atom, converse: Atom) -> _Threshold | None:
    if not isinstance(condition, Comparison) or not isinstance(converse, Comparison):
        return None
    number, constant = fact.sides
    if number.row is None or number.is_category or constant.constant is None:
        return None
    return _Threshold(
        fact,
        number.label,
        number.row,
        constant.constant,
        f"{condition.operator} {constant.label}",
        f"{converse.operator} {constant.label}",
    )


def _choice(fact: _Fact) -> _Choice | None:
    category, *others = fact.sides or (None,)
    if category is None or not category.is_category or any(x.row is not None for x in others):
        return None
    constants = [other.label for other in others]
    return _Choice(category, fact.holds.format("", *constants), fact.fails.format("", *constants))


def _side_of(number: float, constant: float) -> int:
    return (number > constant) - (number < constant)


def _side(operand: Operand, rows: Mapping[Operand, int]) -> _Side:
    if isinstance(operand, Number):
        return _Side(str(operand), constant=operand.value)
    if isinstance(operand, Text):
        return _Side(str(operand))
    if isinstance(operand, Feature) and operand.kind is Kind.CATEGORY:
        return _Side(str(operand), rows[operand], is_category=True)
    return _Side(str(operand), rows[operand])


def _pattern(atom: Atom) -> str:
    match atom:
        case Constant():
            return str(atom)
        case Comparison(operator):
            return f"{{}} ({operator} {{}})"
        case Between(negated=negated):
            return f"{{}} ({'NOT ' * negated}BETWEEN {{}} AND {{}})"
        case OneOf(_, options, negated):
            return f"{{}} ({'NOT ' * negated}IN ({', '.join(['{}'] * len(options))}))"
        case IsNull(negated=negated):
            return f"{{}} (IS {'NOT ' * negated}NULL)"
        case InSegment(segment, negated):
            return f"{'not ' * negated}in segment {segment.replace('{', '{{').replace('}', '}}')}"


def _short(value: float, digits: int) -> str:
    return str(int(value)) if _is_whole(value) else f"{value:.{digits}g}"


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) < 1e15


def _digits(sides: Sequence[_Side], values: Sequence[Value]) -> int:
    """How many digits to show: more than six where those would show 30.0000001 > 30 as 30."""
    numbers = [x for x in values if isinstance(x, float)]
    if all(map(_is_whole, numbers)):
        return _FEWEST_DIGITS
    varies = [
        side.row is not None for side, x in zip(sides, values, strict=True) if isinstance(x, float)
    ]
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        shown = [float(_short(x, digits)) if v else x for x, v in zip(numbers, varies, strict=True)]
        if _order(shown) == _order(numbers):
            return digits
    return _MOST_DIGITS


def _order(numbers: Sequence[float]) -> list[int]:
    """How the first compares to each of the others: -1 less, 0 equal, 1 more."""
    return [(numbers[0] > other) - (numbers[0] < other) for other in numbers[1:]]
