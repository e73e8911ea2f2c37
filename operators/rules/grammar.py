"""From the words of a condition to sqlglot's syntax tree of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType

from operators.base.errors import RuleError
from operators.rules.nesting import check_nesting
from operators.rules.tokens import place, read_words, shown


class _Grammar(Parser):
    """Every function becomes `exp.Anonymous`; features may be called case, date or interval."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {}
    PRIMARY_PARSERS: ClassVar[dict[TokenType, Callable[..., exp.Expr]]] = {
        **Parser.PRIMARY_PARSERS,
        # As sqlglot has them, but with their place in the text.
        TokenType.TRUE: lambda self, token: self.expression(exp.Boolean(this=True), token),
        TokenType.FALSE: lambda self, token: self.expression(exp.Boolean(this=False), token),
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {
        "CASE": lambda self: self._parse_case()
    }


def read(text: str) -> exp.Expr:
    """The syntax tree of a condition, in which only names, types and functions are unchecked.

    Raises:
        RuleError: it is none; the message says where, what stood there and what is allowed.
    """
    tokens = read_words(text)
    check_nesting(text, tokens)
    try:
        (tree,) = _Grammar().parse_into(exp.Condition, _named(tokens), text)
    except ParseError as error:
        raise RuleError(_parse_problem(text, tokens, error)) from None
    assert tree is not None, "words in the right order make a tree"
    return tree


def _named(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with every feature's name as if quoted, which sqlglot takes for nothing else."""
    following = [*(token.token_type for token in tokens[1:]), None]
    for token, after in zip(tokens, following, strict=True):
        if token.token_type is TokenType.VAR and after is not TokenType.L_PAREN:
            token.token_type = TokenType.IDENTIFIER
    return list(tokens)


def _parse_problem(text: str, tokens: Sequence[Token], error: ParseError) -> str:
    found = error.errors[0]
    stopped = (found["line"], found["col"])
    at = next((t.start for t in tokens if (t.line, t.col) == stopped), 0)
    return f"{place(text, at)}: found {shown(found['highlight'])}, where no condition goes on"
