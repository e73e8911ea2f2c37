"""The words of a condition, and their order: checked before sqlglot makes a tree of them.

sqlglot reads many dialects and forgives much: it drops comments, turns `a 5m` into an alias and
takes `a IN (1, , 2)`. Here a word that conditions don't have, or that can't stand where it
does, is refused with its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import ClassVar, Final

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from operators.base.errors import RuleError, nearest

LONGEST: Final = 10_000  # characters; the longest sensible condition has some hundreds
FUNCTIONS: Final = ("COALESCE", "ABS", "LEAST", "GREATEST", "LOWER", "UPPER")
IN_SEGMENT: Final = "IN_SEGMENT"
CONTAINS: Final = "CONTAINS"
STARTS_WITH: Final = ("STARTS_WITH", "STARTSWITH")  # as different databases call it
ALLOWED: Final = (
    "features, numbers, 'texts', AND, OR, NOT, parentheses, = <> < <= > >=, IS NULL, BETWEEN, "
    "IN, LIKE, ILIKE, STARTS WITH, TRUE, FALSE, CASE WHEN, in_segment('name'), "
    f"contains(list, 'text'), + - * / and the functions {', '.join(FUNCTIONS)}"
)
_EXPRESSIONS: Final = re.compile(r"(?i)R(EG(EX|EXP)|LIKE)(_\w+)?|SIMILAR|GLOB|~")
_NO_EXPRESSIONS: Final = (
    "there are no regular expressions, as nothing here matches them in linear time; LIKE has % for "
    "any text and _ for one character"
)


def place(text: str, at: int) -> str:
    """Where an offset stands in a text, as people count: 'column 7' or 'line 2, column 3'."""
    before = text[:at]
    column = f"column {at - before.rfind(chr(10))}"
    return f"line {before.count(chr(10)) + 1}, {column}" if "\n" in text else column


def shown(text: str) -> str:
    """A piece of the user's text for a message: cut short."""
    return f"'{text}'" if len(text) <= 40 else f"'{text[:37]}...'"


class _Words(Tokenizer):
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        "AND": TokenType.AND,
        "OR": TokenType.OR,
        "NOT": TokenType.NOT,
        "IS": TokenType.IS,
        "NULL": TokenType.NULL,
        "BETWEEN": TokenType.BETWEEN,
        "IN": TokenType.IN,
        "TRUE": TokenType.TRUE,
        "FALSE": TokenType.FALSE,
        "<=": TokenType.LTE,
        ">=": TokenType.GTE,
        "<>": TokenType.NEQ,
        "!=": TokenType.NEQ,
    }


_NAMES: Final = {TokenType.VAR, TokenType.IDENTIFIER}
VALUES: Final = _NAMES | {TokenType.NUMBER, TokenType.STRING, TokenType.TRUE, TokenType.FALSE}
_SIGNS: Final = {TokenType.DASH, TokenType.PLUS}
PREFIXES: Final = _SIGNS | {TokenType.NOT}
_COMPARISONS: Final = {
    TokenType.EQ,
    TokenType.NEQ,
    TokenType.LT,
    TokenType.LTE,
    TokenType.GT,
    TokenType.GTE,
}
JOINTS: Final = {TokenType.AND, TokenType.OR, TokenType.COMMA}
_OPERATORS: Final = JOINTS | _COMPARISONS | _SIGNS | {TokenType.STAR, TokenType.SLASH}
_PATTERNS: Final = {TokenType.LIKE, TokenType.ILIKE}
_STARTS: Final = TokenType.CARET_AT  # what sqlglot knows STARTS WITH as
_BLANK: Final = TokenType.SPACE  # the WITH of it
# Words that have their meaning only where no name can stand, so that features may be called so.
_BETWEEN_VALUES: Final = {
    "LIKE": TokenType.LIKE,
    "ILIKE": TokenType.ILIKE,
    "STARTS": _STARTS,
    "ESCAPE": TokenType.ESCAPE,
    "WHEN": TokenType.WHEN,
    "THEN": TokenType.THEN,
    "ELSE": TokenType.ELSE,
    "END": TokenType.END,
}
BRANCHES: Final = {TokenType.WHEN, TokenType.THEN, TokenType.ELSE}
_WORDS: Final = (
    VALUES
    | _OPERATORS
    | {
        TokenType.NOT,
        TokenType.IS,
        TokenType.NULL,
        TokenType.BETWEEN,
        TokenType.IN,
        TokenType.L_PAREN,
        TokenType.DOT,
        TokenType.R_PAREN,
    }
)

# What is expected next -> the words that may come -> what is expected after them.
_VALUE: Final = "a value"
_OPERATOR: Final = "an operator, AND, OR or the end"
_WITH: Final = "WITH"
_WHEN: Final = "WHEN"
_TEXT: Final = "a text"
_NEGATED: Final = "IN, BETWEEN, LIKE, ILIKE or STARTS WITH"
_ORDER: Final[dict[str, dict[TokenType, str]]] = {
    _VALUE: {
        **dict.fromkeys(VALUES, _OPERATOR),
        **dict.fromkeys(PREFIXES | {TokenType.L_PAREN}, _VALUE),
        TokenType.DOT: "digits",
        TokenType.CASE: _WHEN,
    },
    _WHEN: {TokenType.WHEN: _VALUE},
    _WITH: {_BLANK: _VALUE},
    _TEXT: {TokenType.STRING: _OPERATOR},
    "digits": {TokenType.NUMBER: _OPERATOR},
    _OPERATOR: {
        **dict.fromkeys(_OPERATORS | BRANCHES | _PATTERNS | {TokenType.BETWEEN}, _VALUE),
        **dict.fromkeys((TokenType.R_PAREN, TokenType.END), _OPERATOR),
        TokenType.ESCAPE: _TEXT,
        _STARTS: _WITH,
        TokenType.IS: "NULL or NOT NULL",
        TokenType.NOT: _NEGATED,
        TokenType.IN: "a list in parentheses",
    },
    "NULL or NOT NULL": {TokenType.NULL: _OPERATOR, TokenType.NOT: "NULL"},
    "NULL": {TokenType.NULL: _OPERATOR},
    _NEGATED: {
        **dict.fromkeys(_PATTERNS | {TokenType.BETWEEN}, _VALUE),
        TokenType.IN: "a list in parentheses",
        _STARTS: _WITH,
    },
    "a list in parentheses": {TokenType.L_PAREN: _VALUE},
}


def read_words(text: str) -> list[Token]:
    """The words of a text, each of which may follow the one before it.

    STARTS WITH is one of them.

    Raises:
        RuleError: it is too long, has a word that no condition has, or one in a wrong place.
    """
    _check_characters(text)
    tokens = _tokens(text)
    _check_words(text, tokens)
    _check_order(text, tokens)
    return [token for token in tokens if token.token_type is not _BLANK]


def _check_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise RuleError(f"a condition has at most {LONGEST} characters, this one {len(text)}")
    for at, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t":
            code = f"U+{ord(character):04X}"
            raise RuleError(f"{place(text, at)}: no condition has the character {code}")


def _tokens(text: str) -> list[Token]:
    try:
        tokens = _Words().tokenize(text)
    except TokenError:
        raise RuleError(_quote_problem(text)) from None
    for token in tokens:
        if token.comments:
            found = f"found one next to {shown(token.text)}"
            raise RuleError(f"{place(text, token.start)}: comments are not allowed, {found}")
    if not tokens:
        raise RuleError("the condition is empty; expected one such as product_views > 3")
    return tokens


_QUOTED = re.compile(r"""'(?:[^']|'')*+('?)|"(?:[^"]|"")*+("?)""")


def _quote_problem(text: str) -> str:
    unclosed = (match.start() for match in _QUOTED.finditer(text) if not (match[1] or match[2]))
    at = next(unclosed, None)
    if at is None:  # a quote in a comment, as in -- it's, or a comment without end
        return "a quote or comment is opened and never closed, and comments are not allowed"
    return f"{place(text, at)}: the quote {text[at]} is opened and never closed"


def _check_words(text: str, tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.token_type not in _WORDS:
            found = shown(text[token.start : token.end + 1])
            raise RuleError(
                f"{place(text, token.start)}: found {found}, which no condition has; "
                f"{_advice(token, f'allowed are {ALLOWED}')}"
            )


def _advice(token: Token, otherwise: str) -> str:
    return _NO_EXPRESSIONS if _EXPRESSIONS.fullmatch(token.text) else otherwise


def _check_order(text: str, tokens: Sequence[Token]) -> None:
    expected = _VALUE
    before: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        _give_meaning(token, after, expected)
        if _opens_call(text, before, token):
            expected = _VALUE
        elif token.token_type in _ORDER[expected]:
            expected = _ORDER[expected][token.token_type]
        else:
            raise RuleError(_order_problem(text, token, expected))
        before = token
    if expected != _OPERATOR:
        raise RuleError(f"the condition ends where {expected} was expected")


def _give_meaning(token: Token, after: Token | None, expected: str) -> None:
    """Make a word of the language of a name that stands where one has to."""
    if token.token_type is not TokenType.VAR:
        return
    word, next_word = token.text.upper(), after.text.upper() if after else ""
    if expected in (_OPERATOR, _NEGATED, _WHEN):
        token.token_type = _BETWEEN_VALUES.get(word, TokenType.VAR)
    elif expected == _WITH and word == _WITH:
        token.token_type = _BLANK
    elif expected == _VALUE and word == "CASE" and next_word == _WHEN:
        token.token_type = TokenType.CASE


def _opens_call(text: str, name: Token | None, token: Token) -> bool:
    if name is None or name.token_type not in _NAMES or token.token_type != TokenType.L_PAREN:
        return False
    known = (*FUNCTIONS, *STARTS_WITH, IN_SEGMENT, CONTAINS)
    if name.token_type == TokenType.IDENTIFIER or name.text.upper() not in known:
        hint = nearest(name.text.lower(), [IN_SEGMENT.lower()])
        found = f"there is no function {shown(name.text)}"
        there = f"there are {', '.join(FUNCTIONS)}, starts_with, in_segment and contains"
        others = hint or f"; {_advice(name, there)}"
        raise RuleError(f"{place(text, name.start)}: {found}{others}")
    return True


def _order_problem(text: str, token: Token, expected: str) -> str:
    found = shown(text[token.start : token.end + 1])
    advice = ""
    if token.token_type is TokenType.NULL:
        advice = "; NULL stands only in IS NULL and IS NOT NULL"
    elif expected == _WHEN:
        advice = ", as in CASE WHEN views > 3 THEN 1 ELSE 0 END"
    elif expected == _OPERATOR:
        advice = f"; {_advice(token, f'allowed are {ALLOWED}')}"
    elif expected == _NEGATED and _EXPRESSIONS.fullmatch(token.text):
        advice = f"; {_NO_EXPRESSIONS}"
    return f"{place(text, token.start)}: found {found}, expected {expected}{advice}"
