"""What of a condition can never be true, where some features never get large enough for it."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from operators.rules.tree import (
    All,
    Atom,
    Between,
    Comparison,
    Condition,
    Feature,
    Number,
    OneOf,
    Some,
)


def never_true(condition: Condition, most: Mapping[str, float]) -> Atom | None:
    """A comparison that keeps a condition from ever being true; None if none surely does.

    `most` says of some features how large they get.
    """
    match condition:
        case All(children):
            found = [never_true(child, most) for child in children]
            return next((atom for atom in found if atom is not None), None)
        case Some(children):
            found = [never_true(child, most) for child in children]
            return None if None in found else found[0]
        case _:
            return condition if _out_of_reach(condition, most) else None


def _out_of_reach(atom: Atom, most: Mapping[str, float]) -> bool:
    match atom:
        case Comparison(">", Feature(name), Number(number)):
            return number >= most.get(name, inf)
        case Comparison(">=" | "=", Feature(name), Number(number)):
            return number > most.get(name, inf)
        case Between(Feature(name), Number(low), _, negated=False):
            return low > most.get(name, inf)
        case OneOf(Feature(name), options, negated=False):
            limit = most.get(name, inf)
            return all(isinstance(each, Number) and each.value > limit for each in options)
    return False
