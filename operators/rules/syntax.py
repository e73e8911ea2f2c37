"""Reading sqlglot's syntax trees of conditions: what stands where, and mistakes of many parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from sqlglot import exp

from operators.base.errors import RuleError
from operators.rules.tokens import CONTAINS, IN_SEGMENT, STARTS_WITH

_Node = TypeVar("_Node", bound=exp.Expr)
_Result = TypeVar("_Result")

_MOST_PROBLEMS: Final = 10  # in one chain; each costs a search for the nearest name

COMPARISONS: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
LIKES: Final = (exp.Like, exp.ILike, exp.StartsWith, exp.Escape)
_ATOMS: Final = (*COMPARISONS, *LIKES, exp.Between, exp.In, exp.Is, exp.Boolean)


def is_atom(node: exp.Expr) -> bool:
    """Whether a node is a condition that joins no others."""
    if isinstance(node, exp.Anonymous):
        return node.name.upper() in (IN_SEGMENT, CONTAINS, *STARTS_WITH)
    return isinstance(node, _ATOMS)


def starts_with(node: exp.Expr) -> bool:
    """Whether a node is a call of STARTS_WITH."""
    return isinstance(node, exp.Anonymous) and node.name.upper() in STARTS_WITH


def each(convert: Callable[[_Node], _Result], nodes: Iterable[_Node]) -> list[_Result]:
    """What becomes of each node.

    Raises:
        RuleError: with the mistakes of all.
    """
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


def spine(
    node: exp.Expr, classes: tuple[type[exp.Expr], ...]
) -> tuple[list[exp.Expr], list[type[exp.Expr]]]:
    """The operands and operators of a chain, from left to right, however long it is."""
    sides, joints = [], []
    while isinstance(node, classes):
        sides.append(node.args["expression"])
        joints.append(type(node))
        node = node.this
    return [node, *reversed(sides)], joints[::-1]
