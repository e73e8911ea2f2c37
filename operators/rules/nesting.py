"""How deep the words of a condition nest, and whether what is opened is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from operators.base.errors import RuleError
from operators.rules.tokens import JOINTS, PREFIXES, VALUES, place

# sqlglot takes up to 29 Python frames a level, of the 1,000 that a thread has by default.
DEEPEST: Final = 20


@dataclass(slots=True)
class _Group:
    """An open parenthesis: what has been read in it of the comparison that stands last."""

    opened: Token | None
    prefixes: int = 0  # NOTs and signs; sqlglot recurses at each of them
    betweens: list[Token] = field(default_factory=list)  # that still want their AND


def check_nesting(text: str, tokens: Sequence[Token]) -> None:
    """See that parentheses match, that each BETWEEN has its AND, and that the depth is bounded.

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
        elif kind is TokenType.L_PAREN:
            groups.append(_Group(token))
        elif kind is TokenType.R_PAREN:
            _close(text, token, groups)
        _check_depth(text, token, groups)
        expected_value = kind not in VALUES and kind is not TokenType.R_PAREN
    _end_comparison(text, groups[-1])
    if groups[-1].opened:
        raise RuleError(f"{place(text, groups[-1].opened.start)}: this '(' is never closed")


def _end_comparison(text: str, group: _Group) -> None:
    if group.betweens:
        where = place(text, group.betweens[-1].start)
        raise RuleError(f"{where}: BETWEEN without its AND; expected x BETWEEN low AND high")
    group.prefixes = 0


def _close(text: str, token: Token, groups: list[_Group]) -> None:
    _end_comparison(text, groups.pop())
    if not groups:
        raise RuleError(f"{place(text, token.start)}: found ')', but no '(' is open")


def _check_depth(text: str, token: Token, groups: Sequence[_Group]) -> None:
    if len(groups) - 1 + sum(group.prefixes for group in groups) > DEEPEST:
        raise RuleError(
            f"{place(text, token.start)}: nested more than {DEEPEST} levels deep "
            "(parentheses, NOTs and signs)"
        )
