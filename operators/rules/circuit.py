"""Conditions of many segments as one circuit, evaluated for all users at once.

SQL's three values fit an and-inverter graph (see network.py) by holding two rows a variable,
"is true" and "is false"; unknown is neither. Negation swaps the rows, so that the row number of
what is true of a literal is the literal itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats, Ints, Mask
from operators.base.frame import Frame
from operators.rules.arithmetic import Values, compute
from operators.rules.cells import Cells
from operators.rules.network import Network
from operators.rules.texts import computed
from operators.rules.tree import (
    CaseWhen,
    Condition,
    Feature,
    Number,
    Operand,
    Text,
    TextCall,
    parts,
)


@dataclass(slots=True)
class Case:
    """A circuit's values for one user, in plain Python: single numbers of arrays are slow.

    `truths` has a byte for each literal, 1 where it is true.
    """

    frame: Frame
    at: int
    truths: bytes
    numbers: list[float]

    def truth(self, literal: int) -> bool | None:
        """Whether a literal is true; None is unknown."""
        if self.truths[literal]:
            return True
        return False if self.truths[literal ^ 1] else None


@dataclass(frozen=True)
class Evaluation:
    """A circuit's values for the n users of a frame.

    `truths` is bool[literals, n]: a literal's row says for whom it is true, the row of its
    negation for whom it is false. `numbers` is float64[rows, n], the operands' values by `rows`.
    """

    frame: Frame
    truths: Mask
    numbers: Floats
    rows: Mapping[Operand, int]

    def at(self, positions: Ints) -> Evaluation:
        """The values for some of the users."""
        truths, numbers = self.truths[:, positions], self.numbers[:, positions]
        return Evaluation(self.frame.at(positions), truths, numbers, self.rows)

    def cases(self, positions: Ints) -> list[Case]:
        """The values for the users at some positions."""
        truths = by_column(self.truths, positions)
        numbers = self.numbers[:, positions].T.tolist()
        return [
            Case(self.frame, *values)
            for values in zip(positions.tolist(), truths, numbers, strict=True)
        ]


def by_column(flags: Mask, positions: Ints) -> list[bytes]:
    """Some columns, a byte for each flag: read one by one, these are faster than arrays."""
    size, joined = len(flags), flags[:, positions].T.tobytes()
    return [joined[size * at : size * (at + 1)] for at in range(len(positions))]


@dataclass(frozen=True)
class _Gates:
    """Neighbouring gates of one level and number of inputs; `inputs` is intp[inputs, gates]."""

    at: slice
    inputs: NDArray[np.intp]

    def evaluate(self, truths: Mask) -> None:
        """AND them: true if all inputs are, false if one is. `truths` is bool[variables, 2, n]."""
        rows = truths.reshape(2 * len(truths), truths.shape[2])
        is_true, is_false = rows[self.inputs[0]], rows[self.inputs[0] ^ 1]
        for literals in self.inputs[1:]:
            is_true &= rows[literals]
            is_false |= rows[literals ^ 1]
        truths[self.at, 0], truths[self.at, 1] = is_true, is_false


class Circuit:
    """Some conditions, compiled.

    `literals` holds the literal of each and of all their parts, `rows` the row of each operand.
    `segments` are the names of those that in_segment may ask for.
    """

    def __init__(self, conditions: Iterable[Condition], segments: Sequence[str] = ()) -> None:
        network = Network(conditions)
        self.literals: Mapping[Condition, int] = network.literals
        self.rows: Mapping[Operand, int] = network.rows
        self._features = [x for x in network.rows if isinstance(x, Feature)]
        self._expressions = [x for x in network.rows if not isinstance(x, Feature | Number | Text)]
        choosing = (x for x in self._expressions if isinstance(x, CaseWhen))
        self._branches = {x: Circuit(x.conditions, segments) for x in choosing}
        self._cells = Cells(network.cells)
        first_gate = _first_gate(network)
        self._cells_at = slice(1, 1 + len(network.cells))
        self._memberships_at = slice(self._cells_at.stop, first_gate)
        self._memberships = np.array([segments.index(x) for x in network.memberships], np.intp)
        self._gates = _in_groups(network)
        self._size = first_gate + len(network.gates)

    def evaluate(self, frame: Frame, member: Mask | None = None) -> Evaluation:
        """Every condition for every user of a frame.

        `member` is bool[segments, n]: who is in which of the segments that are asked for.
        """
        numbers = self._numbers(frame, member)
        truths = np.empty((self._size, 2, len(frame)), bool)
        truths[0] = [[False], [True]]
        of_cells = truths[self._cells_at]
        self._cells.evaluate(numbers, frame.dictionary, of_cells[:, 0], of_cells[:, 1])
        if member is not None and len(self._memberships):
            of_segments = truths[self._memberships_at]
            of_segments[:, 0] = member[self._memberships]
            np.logical_not(of_segments[:, 0], out=of_segments[:, 1])
        for gates in self._gates:
            gates.evaluate(truths)
        return Evaluation(frame, truths.reshape(2 * self._size, len(frame)), numbers, self.rows)

    def _numbers(self, frame: Frame, member: Mask | None) -> Floats:
        numbers = np.empty((len(self.rows), len(frame)))
        for row, feature in enumerate(self._features):
            numbers[row] = frame.numbers(feature.name)
        given = numbers[: len(self._features)]
        given[~np.isfinite(given)] = np.nan
        for expression in self._expressions:
            values = [self._values(part, numbers, frame) for part in parts(expression)]
            row = numbers[self.rows[expression]]
            match expression:
                case TextCall(function, _):
                    row[:] = computed(function, np.asarray(values[0]), frame.dictionary)
                case CaseWhen():
                    row[:] = self._chosen(expression, values, frame, member)
                case _:
                    row[:] = compute(expression, values)
        return numbers

    def _chosen(
        self, case: CaseWhen, values: Sequence[Values], frame: Frame, member: Mask | None
    ) -> Floats:
        """The value of the first branch that is true, float64[n]."""
        circuit = self._branches[case]
        truths = circuit.evaluate(frame, member).truths
        fits = [truths[circuit.literals[condition]] for condition in case.conditions]
        branches = [np.broadcast_to(value, len(frame)) for value in values[: len(fits)]]
        otherwise = values[len(fits)] if case.otherwise is not None else np.nan
        chosen: Floats = np.select(fits, branches, otherwise)
        return chosen

    @staticmethod
    def _constant(operand: Number | Text, frame: Frame) -> np.float64:
        if isinstance(operand, Text):
            return np.float64(frame.dictionary.derive(operand.value))
        return np.float64(operand.value)

    def _values(self, operand: Operand, numbers: Floats, frame: Frame) -> Values:
        if isinstance(operand, Number | Text):
            return self._constant(operand, frame)
        row: Floats = numbers[self.rows[operand]]
        return row


def _first_gate(network: Network) -> int:
    return 1 + len(network.cells) + len(network.memberships)


def _in_groups(network: Network) -> list[_Gates]:
    """The gates in the order of evaluation; those in one group don't need each other."""
    groups, first = [], _first_gate(network)
    pairs = zip(network.gate_levels, network.gates, strict=True)
    for _, group in groupby(pairs, key=lambda pair: (pair[0], len(pair[1]))):
        inputs = np.array([gate for _, gate in group], np.intp).T
        groups.append(_Gates(slice(first, first + inputs.shape[1]), np.ascontiguousarray(inputs)))
        first += inputs.shape[1]
    return groups
