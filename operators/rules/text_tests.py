"""What conditions ask of a text: `LIKE`, `ILIKE`, `STARTS WITH`.

A pattern is compiled once. Between two % its pieces are looked for from left to right, each at the
first place where it fits, and what was found is never given up for another try: so a match takes
time in proportion to the text times the longest piece, whatever the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from operators.base.errors import UsageError

LIKE: Final = "LIKE"
ILIKE: Final = "ILIKE"
STARTS_WITH: Final = "STARTS WITH"

_ANY_TEXT: Final = "%"
_ANY_CHARACTER: Final = "_"
_COMPILED: Final = 4_096  # patterns that are kept; a configuration has some dozens


@dataclass(frozen=True, slots=True)
class TextTest:
    """A pattern by one of the three operators; `escape` takes % and _ their meaning, "" is none.

    In a pattern % stands for any text, also for none, and _ for one character. ILIKE compares
    in lower case, character by character. STARTS WITH takes its text as it stands.
    """

    operator: str
    pattern: str
    escape: str = ""

    def fits(self, text: str) -> bool:
        """Whether a text fits."""
        if self.operator == STARTS_WITH:
            return text.startswith(self.pattern)
        lower = self.operator == ILIKE
        found = _compiled(self.pattern, self.escape, lower)
        return found.fullmatch(_lower(text) if lower else text) is not None

    def problem(self) -> str | None:
        """What is wrong with the pattern, if something is."""
        if self.escape and self.operator == STARTS_WITH:
            return "STARTS WITH has no ESCAPE, as % and _ mean themselves there"
        if len(self.escape) > 1:
            return f"ESCAPE takes one character, found '{self.escape}'"
        try:
            list(_pieces(self.pattern, self.escape))
        except UsageError as error:
            return str(error)
        return None


@lru_cache(_COMPILED)
def _compiled(pattern: str, escape: str, lower: bool) -> re.Pattern[str]:
    first, *others = _between(pattern, escape, lower)
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    # In an atomic group nothing is tried again once it has matched.
    found = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _between(pattern: str, escape: str, lower: bool) -> Iterator[str]:
    """The regular expressions of what stands between the % of a pattern, one more than these."""
    of_percents = groupby(_pieces(pattern, escape), key=lambda piece: piece == _ANY)
    pieces = [""]
    for is_percent, group in of_percents:
        if is_percent:
            pieces += [""] * len(list(group))
        else:
            pieces[-1] = "".join(_expression(piece, lower) for piece in group)
    yield from pieces


_Piece = tuple[str, bool]  # a character, and whether it means itself
_ANY: Final[_Piece] = (_ANY_TEXT, False)


def _pieces(pattern: str, escape: str) -> Iterator[_Piece]:
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            meant = next(characters, None)
            if meant is None:
                raise UsageError(f"the pattern '{pattern}' ends in its ESCAPE character")
            yield meant, True
        else:
            yield character, character not in (_ANY_TEXT, _ANY_CHARACTER)


def _expression(piece: _Piece, lower: bool) -> str:
    character, itself = piece
    if not itself:
        return "."
    return re.escape(_lower(character) if lower else character)


def _lower(text: str) -> str:
    """A text in lower case, alike wherever its characters stand: ς is σ at the end of a word."""
    return text.lower().replace("ς", "σ")
