"""The variables of a circuit: what conditions share is found here and numbered once.

An and-inverter graph, with the literals of the AIGER format: a literal is twice the number of a
variable, plus one for its negation. Variables are a constant, cells (elementary comparisons),
memberships of segments, and gates (AND of literals). OR is AND with its inputs and its output
negated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from operators.rules.cells import (
    OPERATORS,
    UFUNCS,
    Cell,
    ListContains,
    Null,
    Pair,
    TextFits,
    Threshold,
    cell_order,
)
from operators.rules.tree import (
    MIRROR,
    All,
    Between,
    Comparison,
    Condition,
    Constant,
    Contains,
    Fits,
    InSegment,
    IsNull,
    Number,
    OneOf,
    Operand,
    Some,
    Text,
    atoms,
    features,
    operands,
    parts,
)

FALSE: Final = 0  # the literals of the constant variable
TRUE: Final = 1


@dataclass(frozen=True, slots=True)
class Membership:
    """Being a member of a segment, which is known before the circuit is evaluated."""

    segment: str


Gate: TypeAlias = tuple[int, ...]  # the literals of its inputs, ascending
Variable: TypeAlias = Cell | Membership | Gate
_Asking: TypeAlias = Comparison | Between | OneOf | IsNull | InSegment | Contains | Fits
_CONSTANT: Final[Gate] = ()
_AFTER_CELLS: Final = 5  # above all that `cell_order` begins with


class Network:
    """The variables and literals of some conditions and of all their parts.

    `rows` numbers the operands that are not constants: features first, then expressions, each
    after what it is computed from. `cells`, `memberships` (names of segments) and `gates` stand
    in the order of their variables, which puts together what can be evaluated in one go: cells
    by `cell_order`, gates by level and number of inputs.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        builder = _Builder(conditions)
        ordered = sorted(builder.variables, key=builder.order)
        number = {builder.variables[what]: new for new, what in enumerate(ordered)}
        self.rows = builder.rows
        self.literals = {c: _renumbered(x, number) for c, x in builder.literals.items()}
        self.cells = [what for what in ordered if not isinstance(what, tuple | Membership)]
        self.memberships = [what.segment for what in ordered if isinstance(what, Membership)]
        gates = [what for what in ordered if isinstance(what, tuple) and what != _CONSTANT]
        self.gates = [tuple(_renumbered(x, number) for x in gate) for gate in gates]
        self.gate_levels = [builder.level(gate) for gate in gates]


def _renumbered(literal: int, number: dict[int, int]) -> int:
    return 2 * number[literal // 2] + literal % 2


class _Builder:
    """Numbers rows and variables as they come."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self.rows: dict[Operand, int] = {}
        self.variables: dict[Variable, int] = {_CONSTANT: 0}
        self.literals: dict[Condition, int] = {}
        self._levels = [0]  # of each variable: the constant 0, cells 1, gates above their inputs
        conditions = list(conditions)
        for feature in features(*(x for c in conditions for a in atoms(c) for x in operands(a))):
            self._row(feature)
        for condition in conditions:
            self._add(condition)

    def level(self, what: Variable) -> int:
        return self._levels[self.variables[what]]

    def order(self, what: Variable) -> tuple[object, ...]:
        if isinstance(what, tuple):
            return self.level(what), len(what)
        if isinstance(what, Membership):
            return self.level(what), _AFTER_CELLS, what.segment
        return self.level(what), *cell_order(what)

    def _add(self, condition: Condition) -> int:
        literal = self.literals.get(condition)
        if literal is None:
            literal = self.literals[condition] = self._literal(condition)
        return literal

    def _literal(self, condition: Condition) -> int:
        match condition:
            case Constant(value):
                return TRUE if value else FALSE
            case All(children):
                return self._all(map(self._add, children))
            case Some(children):
                return self._any(map(self._add, children))
            case _:
                return self._atom(condition)

    def _atom(self, atom: _Asking) -> int:
        match atom:
            case Comparison(operator, left, right):
                return self._compare(operator, left, right)
            case Between(operand, low, high, negated):
                sides = self._compare(">=", operand, low), self._compare("<=", operand, high)
                return self._all(sides) ^ negated
            case OneOf(operand, options, negated):
                return self._any(self._compare("=", operand, x) for x in options) ^ negated
            case _:
                return self._variable(self._single(atom), 1) ^ atom.negated

    def _single(self, atom: IsNull | Contains | Fits | InSegment) -> Variable:
        """The variable of an atom that is one."""
        match atom:
            case IsNull(operand):
                return Null(self._row(operand))
            case Contains(operand, text):
                return ListContains(self._row(operand), text.value)
            case Fits(operand, test):
                return TextFits(self._row(operand), test)
            case InSegment(segment):
                return Membership(segment)

    def _all(self, inputs: Iterable[int]) -> int:
        literals = set(inputs) - {TRUE}
        if FALSE in literals:
            return FALSE
        if len(literals) < 2:
            return literals.pop() if literals else TRUE
        level = 1 + max(self._levels[literal // 2] for literal in literals)
        return self._variable(tuple(sorted(literals)), level)

    def _any(self, inputs: Iterable[int]) -> int:
        return self._all(literal ^ 1 for literal in inputs) ^ 1

    def _compare(self, operator: str, left: Operand, right: Operand) -> int:
        if isinstance(left, Number | Text):
            operator, left, right = MIRROR[operator], right, left
        kind, negated = OPERATORS[operator]
        if isinstance(left, Number) and isinstance(right, Number):
            return int(UFUNCS[kind](left.value, right.value)) ^ negated
        row = self._row(left)
        if isinstance(right, Number | Text):
            return self._variable(Threshold(kind, row, right.value), 1) ^ negated
        return self._variable(Pair(kind, row, self._row(right)), 1) ^ negated

    def _variable(self, what: Variable, level: int) -> int:
        """The plain literal of what becomes a variable if it is new."""
        variable = self.variables.setdefault(what, len(self._levels))
        if variable == len(self._levels):
            self._levels.append(level)
        return 2 * variable

    def _row(self, operand: Operand) -> int:
        if operand not in self.rows:
            for part in parts(operand):
                if not isinstance(part, Number | Text):
                    self._row(part)
            self.rows[operand] = len(self.rows)
        return self.rows[operand]
