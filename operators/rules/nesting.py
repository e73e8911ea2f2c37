"""How deep the words of a condition nest, and whether what is opened is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from operators.base.errors import RuleError
from operators.rules.tokens import BRANCHES, JOINTS, PREFIXES, VALUES, place, shown

# sqlglot takes up to 29 Python frames a level, of the 1,000 that a thread has by default.
DEEPEST: Final = 20
_OPENING: Final = {TokenType.L_PAREN, TokenType.CASE}
_CLOSING: Final = {TokenType.R_PAREN, TokenType.END}
# The words of a CASE that may come after the last one.
_FOLLOWING: Final[dict[TokenType | None, set[TokenType]]] = {
    None: {TokenType.WHEN},
    TokenType.WHEN: {TokenType.THEN},
    TokenType.THEN: {TokenType.WHEN, TokenType.ELSE},
    TokenType.ELSE: set(),
}
_EXAMPLE: Final = "expected CASE WHEN views > 3 THEN 1 ELSE 0 END"


@dataclass(slots=True)
class _Group:
    """An open parenthesis, or CASE: what has been read in it of the comparison that stands last.

    `branch` is the last WHEN, THEN or ELSE of a CASE.
    """

    opened: Token | None
    branch: TokenType | None = None
    prefixes: int = 0  # NOTs and signs; sqlglot recurses at each of them
    betweens: list[Token] = field(default_factory=list)  # that still want their AND


def check_nesting(text: str, tokens: Sequence[Token]) -> None:
    """See that parentheses and the words of CASE match, that each BETWEEN has its AND, and that
    the depth is bounded.

    `tokens` are in an order that `read_words` has passed.

    Raises:
        RuleError: one of these is not so.
    """
    groups = [_Group(None)]
    expected_value = True
    for token in tokens:
        kind = token.token_type
        if kind in PREFIXES and expected_value:
            groups[-1].prefixes += 1
        elif kind is TokenType.BETWEEN:
            groups[-1].betweens.append(token)
        elif kind is TokenType.AND and groups[-1].betweens:
            groups[-1].betweens.pop()
        elif kind in JOINTS:
            _end_comparison(text, groups[-1])
        elif kind in BRANCHES:
            _go_on(text, token, groups[-1])
        elif kind in _OPENING:
            groups.append(_Group(token))
        elif kind in _CLOSING:
            _close(text, token, groups)
        _check_depth(text, token, groups)
        expected_value = kind not in VALUES and kind not in _CLOSING
    _end_comparison(text, groups[-1])
    if groups[-1].opened:
        raise RuleError(_never_closed(text, groups[-1].opened))


def _never_closed(text: str, opened: Token) -> str:
    if opened.token_type is TokenType.CASE:
        return f"{place(text, opened.start)}: this CASE has no END"
    return f"{place(text, opened.start)}: this '(' is never closed"


def _go_on(text: str, token: Token, group: _Group) -> None:
    """Go on to another branch of a CASE."""
    _end_comparison(text, group)
    is_case = group.opened is not None and group.opened.token_type is TokenType.CASE
    if not is_case or token.token_type not in _FOLLOWING[group.branch]:
        found = f"found {token.text}, which does not follow here"
        raise RuleError(f"{place(text, token.start)}: {found}; {_EXAMPLE}")
    group.branch = token.token_type


def _end_comparison(text: str, group: _Group) -> None:
    if group.betweens:
        where = place(text, group.betweens[-1].start)
        raise RuleError(f"{where}: BETWEEN without its AND; expected x BETWEEN low AND high")
    group.prefixes = 0


def _close(text: str, token: Token, groups: list[_Group]) -> None:
    group = groups.pop()
    _end_comparison(text, group)
    opening = TokenType.L_PAREN if token.token_type is TokenType.R_PAREN else TokenType.CASE
    if group.opened is not None and group.opened.token_type is not opening:
        raise RuleError(_never_closed(text, group.opened))
    if group.opened is None:
        opened = "'('" if opening is TokenType.L_PAREN else "CASE"
        found = f"found {shown(token.text)}, but no {opened} is open"
        raise RuleError(f"{place(text, token.start)}: {found}")
    if token.token_type is TokenType.END and group.branch is TokenType.WHEN:
        raise RuleError(f"{place(text, token.start)}: found END before THEN; {_EXAMPLE}")


def _check_depth(text: str, token: Token, groups: Sequence[_Group]) -> None:
    if len(groups) - 1 + sum(group.prefixes for group in groups) > DEEPEST:
        raise RuleError(
            f"{place(text, token.start)}: nested more than {DEEPEST} levels deep "
            "(parentheses, NOTs and signs)"
        )
