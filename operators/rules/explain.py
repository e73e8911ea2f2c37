"""Which comparisons decided, in words: `product_views = 5 (> 3)`.

What stands in parentheses holds for the value before it: where `product_views > 3` is false,
`product_views = 2 (<= 3)`. Of a comparison with an unknown, it is what the condition asks for:
`since_purchase is unknown (< 30)`. Of another segment: `in segment VIP`, `not in segment VIP`. Of a
list: `brands contains 'nike'`, `brands does not contain 'nike'`. Of a pattern: `device = 'mobile'
(LIKE 'm%')`. What a CASE asks for is told with it: `CASE WHEN views > 3 THEN 1 ELSE 0 END = 1
(= 1), where views = 5`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final, TypeAlias

from operators.base.frame import Kind
from operators.rules.circuit import Case, Circuit
from operators.rules.tree import (
    All,
    Atom,
    Between,
    Comparison,
    Condition,
    Constant,
    Contains,
    Feature,
    Fits,
    InSegment,
    IsNull,
    Number,
    OneOf,
    Operand,
    Some,
    Text,
    atoms,
    cases_in,
    features,
    is_text,
    operands,
    quoted,
)

_FEWEST_DIGITS: Final = 6
_MOST_DIGITS: Final = 17  # enough for any float64
_MOST_WHOLE: Final = 1e15  # integers below it are shown whole

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

    def text(self, is_false: bool, case: Case) -> str:
        values = [side.value(case) for side in self.sides]
        digits = _digits(self.sides, values)
        texts = [side.text(x, digits) for side, x in zip(self.sides, values, strict=True)]
        return (self.fails if is_false else self.holds).format(*texts)


@dataclass(frozen=True, slots=True)
class _Threshold:
    """A number compared with constants, or with null: what most rules are made of, so told
    without detours.
    """

    fact: _Fact
    label: str
    row: int
    constants: Sequence[float]  # ascending
    holds: str
    fails: str

    def text(self, is_false: bool, case: Case) -> str:
        value = case.numbers[self.row]
        said = self.fails if is_false else self.holds
        if value.is_integer() and abs(value) < _MOST_WHOLE:
            return f"{self.label} = {int(value)}{said}"
        if isnan(value):
            return f"{self.label} is unknown{said}"
        digits = f"{value:.{_FEWEST_DIGITS}g}"
        shown = float(digits)
        low, high = (value, shown) if value < shown else (shown, value)
        if bisect_left(self.constants, low) < bisect_right(self.constants, high):
            return self.fact.text(is_false, case)  # that constant asks for more digits
        return f"{self.label} = {digits}{said}"


@dataclass(frozen=True, slots=True)
class _Choice:
    """A category compared with constants, or with null; told without detours, too."""

    label: str
    row: int
    holds: str
    fails: str

    def text(self, is_false: bool, case: Case) -> str:
        code = case.numbers[self.row]
        said = self.fails if is_false else self.holds
        if isnan(code):
            return f"{self.label} is unknown{said}"
        return f"{self.label} = {quoted(case.frame.dictionary.text(int(code)))}{said}"


@dataclass(frozen=True, slots=True, eq=False)  # by identity, so that looking one up is fast
class ConditionReason:
    """A condition to be explained: an atom with its fact, or the parts that make it."""

    literal: int
    fact: _Fact | _Threshold | _Choice | None
    children: tuple[ConditionReason, ...]
    is_all: bool

    def atoms(self) -> tuple[ConditionReason, ...]:
        """Those of which it is an AND, as most conditions are; none if it is anything else."""
        if self.fact is not None:
            return (self,)
        return self.children if self.is_all and all(x.fact for x in self.children) else ()


class Told(dict[ConditionReason, str]):
    """What atoms come to for one user: each is put into words once, when it is looked up."""

    __slots__ = ("case",)

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case

    def __missing__(self, atom: ConditionReason) -> str:
        assert atom.fact is not None, "only atoms are told"
        is_false = bool(self.case.truths[atom.literal ^ 1])
        text = self[atom] = atom.fact.text(is_false, self.case)
        return text


class Reasons:
    """The reasons to the conditions of a circuit; what conditions share is there once."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._known: dict[Condition, ConditionReason] = {}

    def of(self, condition: Condition) -> ConditionReason:
        """The reason to a condition."""
        reason = self._known.get(condition)
        if reason is None:
            reason = self._known[condition] = self._reason(condition)
        return reason

    def _reason(self, condition: Condition) -> ConditionReason:
        literal = self._circuit.literals[condition]
        if isinstance(condition, All | Some):
            children = tuple(map(self.of, dict.fromkeys(condition.children)))
            return ConditionReason(literal, None, children, isinstance(condition, All))
        # Of a list no value is told: it may be long, and stands in the assignment.
        compared = () if isinstance(condition, Contains) else operands(condition)
        asked = _asked_by_cases(compared)
        sides = tuple(_side(operand, self._circuit.rows) for operand in (*compared, *asked))
        converse = condition if isinstance(condition, Constant) else condition.complement()
        more = f", where {', '.join(['{}'] * len(asked))}" if asked else ""
        fact = _Fact(sides, _pattern(condition) + more, _pattern(converse) + more)
        return ConditionReason(literal, _special(fact) or fact, (), False)


def explain(reason: ConditionReason, told: Told) -> list[str]:
    """The comparisons that made a condition true, false or unknown for a user.

    An AND that is true is so by all its parts, one that is false by those that are false, one
    that is unknown by those that are unknown; an OR likewise. So the parts that decide are
    always those with the value of the whole.
    """
    found: dict[str, None] = {}
    _add_deciding(reason, told, found)
    return list(found)


def _add_deciding(reason: ConditionReason, told: Told, found: dict[str, None]) -> None:
    if reason.fact is not None:
        found[told[reason]] = None
        return
    case = told.case
    truth = case.truth(reason.literal)
    for child in reason.children:
        if case.truth(child.literal) is truth:
            _add_deciding(child, told, found)


def _special(fact: _Fact) -> _Threshold | _Choice | None:
    """The same fact where it is a row compared with constants, or with null."""
    first, *others = fact.sides or (None,)
    if first is None or first.row is None or any(x.row is not None for x in others):
        return None
    labels = [other.label for other in others]
    holds, fails = (pattern.format("", *labels) for pattern in (fact.holds, fact.fails))
    if first.is_category:
        return _Choice(first.label, first.row, holds, fails)
    constants = sorted(x.constant for x in others if x.constant is not None)
    return _Threshold(fact, first.label, first.row, constants, holds, fails)


def _asked_by_cases(compared: Sequence[Operand]) -> tuple[Feature, ...]:
    """The features that conditions of CASE in these operands ask for, each once, but for lists."""
    inner = (atom for case in cases_in(*compared) for c in case.conditions for atom in atoms(c))
    found = dict.fromkeys(x for atom in inner for x in features(*operands(atom)))
    return tuple(x for x in found if x.kind is not Kind.LIST)


def _side(operand: Operand, rows: Mapping[Operand, int]) -> _Side:
    if isinstance(operand, Number):
        return _Side(str(operand), constant=operand.value)
    if isinstance(operand, Text):
        return _Side(str(operand))
    if is_text(operand):
        return _Side(str(operand), rows[operand], is_category=True)
    return _Side(str(operand), rows[operand])


def _pattern(atom: Atom) -> str:
    match atom:
        case Comparison(operator):
            return f"{{}} ({operator} {{}})"
        case Between(negated=negated):
            return f"{{}} ({'NOT ' * negated}BETWEEN {{}} AND {{}})"
        case OneOf(_, options, negated):
            return f"{{}} ({'NOT ' * negated}IN ({', '.join(['{}'] * len(options))}))"
        case IsNull(negated=negated):
            return f"{{}} (IS {'NOT ' * negated}NULL)"
        case Fits():
            return f"{{}} ({_literally('NOT ' * atom.negated + atom.asked)})"
        case _:
            return _literally(_asked(atom))


def _literally(text: str) -> str:
    """A text as a pattern that stands for itself."""
    return text.replace("{", "{{").replace("}", "}}")


def _asked(atom: Constant | InSegment | Contains) -> str:
    """What needs no values to be told."""
    if isinstance(atom, Constant):
        return str(atom)
    if isinstance(atom, InSegment):
        return f"{'not ' * atom.negated}in segment {atom.segment}"
    said = "does not contain" if atom.negated else "contains"
    return f"{atom.operand} {said} {atom.text}"


def _short(value: float, digits: int) -> str:
    return str(int(value)) if _is_whole(value) else f"{value:.{digits}g}"


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) < _MOST_WHOLE


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
