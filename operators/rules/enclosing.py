"""What expressions can come to while time passes: interval arithmetic over ages that grow.

After R. E. Moore, Interval Analysis (1966). Nothing is rounded outwards: the bounds are for what
`arithmetic.compute` gives, whose rounded operations grow with their operands as exact ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Final

import numpy as np

from operators.base.arrays import Floats, Mask, Moments
from operators.base.frame import Frame, Kind
from operators.rules.tree import (
    Arithmetic,
    Atom,
    Between,
    Call,
    Comparison,
    Constant,
    Feature,
    IsNull,
    Negative,
    Number,
    OneOf,
    Operand,
    parts,
)


@dataclass(frozen=True)
class Enclosure:
    """The bounds of a number, arrays of one shape: NaN where it is null throughout.

    They are infinite where nothing is known of it, and it may be null at times.
    """

    low: Floats
    high: Floats

    @property
    def null(self) -> Mask:
        return np.isnan(self.low)

    @property
    def known(self) -> Mask:
        """Where it is a number throughout."""
        known: Mask = np.isfinite(self.low) & np.isfinite(self.high)
        return known

    @property
    def constant(self) -> Mask:
        constant: Mask = self.low == self.high
        return constant


def stays(atom: Atom, frame: Frame, until_us: Moments) -> Mask:
    """Where an atom is sure to be as it is now until some moments, while nothing but time passes.

    `until_us` is int64[k, n], for the n users of a frame; bool[k, n].
    """
    later = replace(frame, now_us=until_us)

    def enclosed(operand: Operand) -> Enclosure:
        return _enclosed(operand, frame, later)

    match atom:
        case Comparison(_, left, right):
            return _ordered(enclosed(left), enclosed(right))
        case Between(operand, low, high):
            of = enclosed(operand)
            return _ordered(of, enclosed(low)) & _ordered(of, enclosed(high))
        case OneOf(operand, options):
            of = enclosed(operand)
            return reduce(np.logical_and, [_ordered(of, enclosed(option)) for option in options])
        case IsNull(operand):
            of = enclosed(operand)
            return of.null | of.known
        case Constant():
            return np.ones(until_us.shape, np.bool_)
        case _:
            return np.zeros(until_us.shape, np.bool_)


def _ordered(left: Enclosure, right: Enclosure) -> Mask:
    """Where two numbers are in one order, or one of them is null, throughout."""
    apart = (left.high < right.low) | (left.low > right.high)
    equal = left.constant & right.constant & (left.low == right.low)
    ordered: Mask = apart | equal | left.null | right.null
    return ordered


def _enclosed(operand: Operand, frame: Frame, later: Frame) -> Enclosure:
    """Between the moments of two frames of the same users, of which the later has k of each."""
    match operand:
        case Feature(name, kind):
            last = later if kind is Kind.AGE else frame
            return _broadcast(frame.numbers(name), last.numbers(name), later.now_us)
        case Number(value):
            return _broadcast(np.float64(value), np.float64(value), later.now_us)
    return _computed(
        operand, [_enclosed(part, frame, later) for part in parts(operand)], later.now_us
    )


def _computed(operand: Operand, of: Sequence[Enclosure], like: Moments) -> Enclosure:
    """What an operand comes to, by the enclosures of those that it is computed from."""
    match operand:
        case Negative():
            return Enclosure(-of[0].high, -of[0].low)
        case Arithmetic(_, operators):
            return reduce(_operated, zip(operators, of[1:], strict=True), of[0])
        case Call("ABS"):
            return _absolute(of[0])
        case Call(function) if function in _CALLS:
            return reduce(_CALLS[function], of)
    return _broadcast(np.float64(-np.inf), np.float64(np.inf), like)


def _broadcast(low: Floats | np.float64, high: Floats | np.float64, like: Moments) -> Enclosure:
    return Enclosure(np.broadcast_to(low, like.shape), np.broadcast_to(high, like.shape))


def _operated(left: Enclosure, by: tuple[str, Enclosure]) -> Enclosure:
    operator, right = by
    with np.errstate(all="ignore"):
        low, high = _OPERATORS[operator](left, right)
    unknown = ~(np.isfinite(low) & np.isfinite(high) & left.known & right.known)
    null = left.null | right.null | (unknown & left.constant & right.constant)
    if operator == "/":
        null |= right.constant & (right.low == 0)
    return _with_null(low, high, unknown, null)


def _with_null(low: Floats, high: Floats, unknown: Mask, null: Mask) -> Enclosure:
    low, high = np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)
    return Enclosure(np.where(null, np.nan, low), np.where(null, np.nan, high))


def _sum(left: Enclosure, right: Enclosure) -> tuple[Floats, Floats]:
    return left.low + right.low, left.high + right.high


def _difference(left: Enclosure, right: Enclosure) -> tuple[Floats, Floats]:
    return left.low - right.high, left.high - right.low


def _product(left: Enclosure, right: Enclosure) -> tuple[Floats, Floats]:
    return _corners(np.multiply, left, right)


def _quotient(left: Enclosure, right: Enclosure) -> tuple[Floats, Floats]:
    low, high = _corners(np.divide, left, right)
    around_zero = (right.low <= 0) & (right.high >= 0)
    return np.where(around_zero, -np.inf, low), np.where(around_zero, np.inf, high)


def _corners(
    compute: Callable[[Floats, Floats], Floats], left: Enclosure, right: Enclosure
) -> tuple[Floats, Floats]:
    pairs = product((left.low, left.high), (right.low, right.high))
    corners = np.array([compute(*pair) for pair in pairs])
    return corners.min(axis=0), corners.max(axis=0)


_OPERATORS: Final[dict[str, Callable[[Enclosure, Enclosure], tuple[Floats, Floats]]]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
}


def _absolute(of: Enclosure) -> Enclosure:
    low = np.maximum(np.maximum(of.low, -of.high), 0.0)
    return _with_null(low, np.maximum(-of.low, of.high), ~of.known, of.null)


def _coalesce(first: Enclosure, second: Enclosure) -> Enclosure:
    return Enclosure(
        np.where(first.null, second.low, first.low), np.where(first.null, second.high, first.high)
    )


def _least(first: Enclosure, second: Enclosure) -> Enclosure:
    return _chosen(np.minimum, first, second)


def _greatest(first: Enclosure, second: Enclosure) -> Enclosure:
    return _chosen(np.maximum, first, second)


def _chosen(
    choose: Callable[[Floats, Floats], Floats], first: Enclosure, second: Enclosure
) -> Enclosure:
    low, high = choose(first.low, second.low), choose(first.high, second.high)
    return _with_null(low, high, ~(first.known & second.known), first.null | second.null)


_CALLS: Final[dict[str, Callable[[Enclosure, Enclosure], Enclosure]]] = {
    "COALESCE": _coalesce,
    "LEAST": _least,
    "GREATEST": _greatest,
}
