"""Conditions as nested tuples, written out as text and evaluated the dumb way.

One user at a time, a dictionary of values in which None is null, and no code of the product.
A condition is one of

    ("and", left, right)   ("or", left, right)   ("not", inner)   ("true",)   ("false",)
    ("=" | "<>" | "<" | "<=" | ">" | ">=", left, right)
    ("between", value, low, high)   ("in", value, [constants])   ("null", value)

    ("like" | "ilike" | "starts with", value, pattern, escape)

with "not between", "not in" and so on beside the last four; a value is ("column", name),
("number", float), ("text", str), ("neg", value), ("+" | "-" | "*" | "/", left, right),
("coalesce" | "abs" | "least" | "greatest" | "lower" | "upper", [values]) or
("case", [(condition, value), ...], value or None). ("paren", x) is x in parentheses.
("in segment", name) asks for a membership: a user has the name of each of their segments as a
key with the value 1; ("contains", list column, text) for a value in the user's list, a tuple.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Tree = tuple[Any, ...]
User = Mapping[str, float | str | tuple[str, ...] | None]

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_LEVELS = {"or": 0, "and": 1, "not": 2, "+": 4, "-": 4, "*": 5, "/": 5, "neg": 6}
_COMPARISON_LEVEL = 3
_LEAF_LEVEL = 7
_LEAVES = (
    *("column", "number", "text", "true", "false", "paren", "coalesce", "abs", "least"),
    *("in segment", "contains", "lower", "upper", "case"),
)
_PATTERNS = ("like", "ilike", "starts with")
_CALLS = ("coalesce", "abs", "least", "greatest", "lower", "upper")


def holds(tree: Tree, user: User) -> bool | None:
    """Whether a condition is true of a user; None is unknown."""
    kind, *parts = tree
    if kind in ("true", "false"):
        return bool(kind == "true")
    if kind in ("in segment", "contains"):
        return _asked(kind, parts, user)
    if kind == "paren":
        return holds(parts[0], user)
    if kind in ("and", "or"):
        return _joined(kind == "or", {holds(part, user) for part in parts})
    if kind == "not" or kind.startswith("not "):
        truth = holds((kind[4:], *parts) if kind[4:] else parts[0], user)
        return None if truth is None else not truth
    return _atom(kind, parts, user)


def _asked(kind: str, parts: list[Any], user: User) -> bool:
    if kind == "in segment":
        return user.get(parts[0]) == 1
    found = user[parts[0][1]]
    return isinstance(found, tuple) and parts[1][1] in found


def _joined(decisive: bool, sides: set[bool | None]) -> bool | None:
    """OR is true once a side is true, AND false once a side is false; else unknowns count."""
    if decisive in sides:
        return decisive
    return None if None in sides else not decisive


def _atom(kind: str, parts: list[Any], user: User) -> bool | None:
    left = value(parts[0], user)
    if kind == "null":
        return left is None
    if kind in _PATTERNS:
        return None if left is None else _fits(kind, str(left), parts[1], parts[2])
    if kind == "between":
        low, high = holds((">=", *parts[:2]), user), holds(("<=", parts[0], parts[2]), user)
        return _joined(False, {low, high})
    if kind == "in":
        return None if left is None else left in [value(option, user) for option in parts[1]]
    right = value(parts[1], user)
    return None if left is None or right is None else _compare(kind, left, right)


def _fits(kind: str, text: str, pattern: str, escape: str) -> bool:
    if kind == "starts with":
        return text[: len(pattern)] == pattern
    if kind == "ilike":
        text = text.lower()
    pieces: list[tuple[str, bool]] = []  # a character, and whether it means itself
    meant = False
    for character in pattern:
        if character == escape and not meant:
            meant = True
            continue
        itself = meant or character not in "%_"
        lower = kind == "ilike" and itself
        pieces += [(each, itself) for each in (character.lower() if lower else character)]
        meant = False
    return _like(text, pieces)


def _like(text: str, pieces: list[tuple[str, bool]]) -> bool:
    """Every way in which a % may stand for a text is tried."""
    if not pieces:
        return not text
    (piece, itself), *others = pieces
    if piece == "%" and not itself:
        return any(_like(text[at:], others) for at in range(len(text) + 1))
    fits = bool(text) and (not itself or text[0] == piece)
    return fits and _like(text[1:], others)


def _compare(kind: str, left: Any, right: Any) -> bool:
    if kind in ("=", "<>"):
        return (left == right) is (kind == "=")
    return bool((left < right and "<" in kind) or (left > right and ">" in kind)) or (
        left == right and "=" in kind
    )


def value(tree: Tree, user: User) -> float | str | None:
    """A value for a user; None is null."""
    kind, *parts = tree
    if kind in ("number", "text"):
        constant: float | str = parts[0]
        return constant
    if kind == "column":
        return user[parts[0]]
    if kind in ("paren", "case", "lower", "upper"):
        return _taken(kind, parts, user)
    numbers = [value(x, user) for x in (parts[0] if isinstance(parts[0], list) else parts)]
    if kind == "coalesce":
        return next((number for number in numbers if number is not None), None)
    if None in numbers:
        return None
    return _computed(kind, [float(number) for number in numbers if number is not None])


def _taken(kind: str, parts: list[Any], user: User) -> float | str | None:
    if kind == "case":
        taken = (branch for condition, branch in parts[0] if holds(condition, user))
        branch = next(taken, parts[1])
        return None if branch is None else value(branch, user)
    if kind == "paren":
        return value(parts[0], user)
    text = value(parts[0][0], user)
    return None if text is None else str(getattr(str(text), kind)())


def _computed(kind: str, numbers: list[float]) -> float | None:
    if kind == "/" and numbers[1] == 0:
        return None
    result = {
        "neg": lambda: -numbers[0],
        "abs": lambda: abs(numbers[0]),
        "least": lambda: min(numbers),
        "greatest": lambda: max(numbers),
        "+": lambda: numbers[0] + numbers[1],
        "-": lambda: numbers[0] - numbers[1],
        "*": lambda: numbers[0] * numbers[1],
        "/": lambda: numbers[0] / numbers[1],
    }[kind]()
    return result if math.isfinite(result) else None


def columns_of(tree: Any) -> set[str]:
    """The names of the columns in a condition or value."""
    if isinstance(tree, list):
        return set().union(*map(columns_of, tree))
    if not isinstance(tree, tuple):
        return set()
    if tree[0] == "column":
        return {tree[1]}
    return set().union(*map(columns_of, tree[1:]))


def segments_in(tree: Any) -> frozenset[str]:
    """The names of the segments that a condition asks for."""
    if isinstance(tree, list):
        return frozenset().union(*map(segments_in, tree))
    if not isinstance(tree, tuple):
        return frozenset()
    if tree[0] == "in segment":
        return frozenset({tree[1]})
    return frozenset().union(*map(segments_in, tree))


def has_valueless_constant(tree: Any) -> bool:
    """Whether something without columns has no value, such as 1 / 0, which is refused."""
    if isinstance(tree, list):
        return any(map(has_valueless_constant, tree))
    if not isinstance(tree, tuple):
        return False
    is_value = tree[0] in ("neg", "+", "-", "*", "/", "coalesce", "abs", "least", "greatest")
    if is_value and not _chooses(tree) and not columns_of(tree) and value(tree, {}) is None:
        return True
    return any(map(has_valueless_constant, tree[1:]))


def _chooses(tree: Any) -> bool:
    """Whether a CASE is in something."""
    if isinstance(tree, list | tuple):
        return tree[:1] == ("case",) or any(map(_chooses, tree))
    return False


def text(tree: Tree) -> str:
    """A condition or value as SQL, with the parentheses that it needs."""
    kind, *parts = tree
    leaves = {
        "true": lambda: "TRUE",
        "false": lambda: "FALSE",
        "in segment": lambda: "in_segment('" + parts[0].replace("'", "''") + "')",
        "contains": lambda: f"contains({text(parts[0])}, {text(parts[1])})",
        "column": lambda: _name(parts[0]),
        "number": lambda: _number(parts[0]),
        "text": lambda: "'" + parts[0].replace("'", "''") + "'",
        "paren": lambda: f"({text(parts[0])})",
    }
    if kind in leaves:
        return leaves[kind]()
    if kind in _CALLS:
        return f"{kind}({', '.join(map(text, parts[0]))})"
    if kind == "case":
        return _case_text(*parts)
    return _operator_text(kind, parts)


def _case_text(branches: list[tuple[Tree, Tree]], otherwise: Tree | None) -> str:
    """A column called case is none before WHEN, without parentheses."""
    written = "".join(f" WHEN {text(when)} THEN ({text(then)})" for when, then in branches)
    return f"CASE{written}{'' if otherwise is None else f' ELSE {text(otherwise)}'} END"


def _name(name: str) -> str:
    return name if name.isidentifier() else '"' + name.replace('"', '""') + '"'


def _number(number: float) -> str:
    shown = repr(abs(number))
    return f"(-{shown})" if math.copysign(1, number) < 0 else shown


def _operator_text(kind: str, parts: list[Any]) -> str:
    level = _LEVELS.get(kind, _COMPARISON_LEVEL)
    if kind in ("not", "neg"):
        return f"{'NOT' if kind == 'not' else '-'} {_inside(parts[0], level)}"
    left = _inside(parts[0], level + (level == _COMPARISON_LEVEL))
    if kind.endswith("null"):
        return f"{left} IS {kind.upper()}"
    if kind.endswith("in"):
        return f"{left} {kind.upper()} ({', '.join(map(text, parts[1]))})"
    if kind.removeprefix("not ") in _PATTERNS:
        escape = f" ESCAPE {text(('text', parts[2]))}" if parts[2] else ""
        return f"{left} {kind.upper()} {text(('text', parts[1]))}{escape}"
    right = _inside(parts[1], level + 1)
    if kind.endswith("between"):
        return f"{left} {kind.upper()} {right} AND {_inside(parts[2], level + 1)}"
    return f"{left} {kind.upper()} {right}"


def _inside(tree: Tree, level: int) -> str:
    """The text of a part, in parentheses if it binds less than is needed here."""
    kind = tree[0]
    is_leaf = kind in (*_LEAVES, "greatest")
    own = _LEAF_LEVEL if is_leaf else _LEVELS.get(kind, _COMPARISON_LEVEL)
    return text(tree) if own >= level else f"({text(tree)})"


def _flat(tree: Tree) -> Tree:
    """A pattern and its escape as parts of their own."""
    kind, operand, pattern = tree
    return kind, operand, *pattern


@dataclass(frozen=True)
class Trees:
    """Strategies for trees over given columns and constants."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...] = ()
    constants: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 0.5, -1.0)
    texts: tuple[str, ...] = ("mobile", "desktop", "it's", "")
    lists: tuple[str, ...] = ()
    patterns: tuple[tuple[str, str], ...] = (
        *(("", ""), ("%", ""), ("m%", ""), ("_obile", ""), ("%o%e%", ""), ("M%", ""), ("it's", "")),
        *(("m!%", "!"), ("%!_%", "!"), ("%\\", ""), ("o_%t_p", "o"), ("d%top", ""), ("%%_", "")),
    )

    def values(self) -> st.SearchStrategy[Tree]:
        """Values that are numbers."""
        leaves = st.one_of(
            st.tuples(st.just("column"), st.sampled_from(self.numbers)),
            st.tuples(st.just("column"), st.sampled_from(self.numbers)),
            st.tuples(st.just("number"), st.sampled_from(self.constants)),
        )
        return st.recursive(leaves, self._computed, max_leaves=4)

    def _computed(self, inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        several = st.lists(inner, min_size=1, max_size=3)
        return st.one_of(
            st.tuples(st.sampled_from("+-*/"), inner, inner),
            st.tuples(st.just("neg"), inner),
            st.tuples(st.just("paren"), inner),
            st.tuples(st.just("abs"), st.lists(inner, min_size=1, max_size=1)),
            st.tuples(st.sampled_from(("coalesce", "least", "greatest")), several),
            self._chosen(inner),
        )

    def _chosen(self, inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        """A CASE of one or two branches, that asks simple things."""
        column = st.tuples(st.just("column"), st.sampled_from(self.numbers))
        constant = st.tuples(st.just("number"), st.sampled_from(self.constants))
        asked = st.tuples(st.sampled_from(COMPARISONS), column, constant)
        if self.categories:
            asked |= self._patterns(st.tuples(st.just("column"), st.sampled_from(self.categories)))
        branches = st.lists(st.tuples(asked, inner), min_size=1, max_size=2)
        return st.tuples(st.just("case"), branches, st.none() | inner)

    def _patterns(self, values: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        likes = st.sampled_from(("like", "not like", "ilike", "not ilike"))
        starts = st.sampled_from(("starts with", "not starts with"))
        return st.one_of(
            st.tuples(likes, values, st.sampled_from(self.patterns)).map(_flat),
            st.tuples(starts, values, st.sampled_from(self.texts).map(lambda x: (x, ""))).map(
                _flat
            ),
        )

    def atoms(self) -> st.SearchStrategy[Tree]:
        """Comparisons."""
        value = self.values()
        constant = st.tuples(st.just("number"), st.sampled_from(self.constants))
        bare = st.tuples(st.just("column"), st.sampled_from(self.numbers))
        either = st.sampled_from
        numeric = st.one_of(
            st.tuples(either(COMPARISONS), bare, constant),
            st.tuples(either(COMPARISONS), value, value),
            st.tuples(either(("between", "not between")), bare, constant, constant),
            st.tuples(either(("between", "not between")), value, value, value),
            st.tuples(either(("in", "not in")), value, st.lists(constant, min_size=1, max_size=3)),
            st.tuples(either(("null", "not null")), value),
        )
        found = st.one_of(numeric, self._category_atoms()) if self.categories else numeric
        if self.lists:
            column = st.tuples(st.just("column"), either(self.lists))
            constant = st.tuples(st.just("text"), either(self.texts))
            found |= st.tuples(st.just("contains"), column, constant)
        return found.filter(lambda tree: columns_of(tree) and not has_valueless_constant(tree))

    def _category_atoms(self) -> st.SearchStrategy[Tree]:
        bare = st.tuples(st.just("column"), st.sampled_from(self.categories))
        constant = st.tuples(st.just("text"), st.sampled_from(self.texts))
        either = st.sampled_from
        changed = st.tuples(either(("lower", "upper")), bare.map(lambda tree: [tree]))
        column = bare | bare | changed | self._chosen(bare | constant | changed)
        return st.one_of(
            self._patterns(column),
            st.tuples(either(("=", "<>")), column, column | constant),
            st.tuples(either(("=", "<>")), constant, column),
            st.tuples(either(("in", "not in")), column, st.lists(constant, min_size=1, max_size=3)),
            st.tuples(either(("null", "not null")), column),
        )

    def conditions(self, atoms: st.SearchStrategy[Tree] | None = None) -> st.SearchStrategy[Tree]:
        """Conditions of up to some six comparisons."""
        found = self.atoms() if atoms is None else atoms
        leaves = found | st.sampled_from((("true",), ("false",)))
        return st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.tuples(st.sampled_from(("and", "or")), inner, inner),
                st.tuples(st.just("not"), inner),
                st.tuples(st.just("paren"), inner),
            ),
            max_leaves=6,
        )
