"""Numbers as people write them: 1.249,00 or $1,200."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, Literal

import msgspec

from operators.base.errors import Problem

_CURRENCY: Final = " \u00a0\u202f$\u20ac\u00a3\u00a5"  # before or behind a number


class NumberFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sign before decimals, and that between thousands; empty for none.

    Signs of currencies before and behind numbers are passed over.
    """

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", "'", " "] = ""

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it."""
        if self.decimal == self.thousands:
            yield Problem("events.number", "expected different signs for decimals and thousands")

    def plain(self, values: Sequence[Any]) -> list[Any]:
        """Texts that are such numbers as `float` reads them; all else as it is."""
        return [self._plain(value) if type(value) is str else value for value in values]

    def _plain(self, text: str) -> str:
        number = text.strip(_CURRENCY)
        if not number or not _form(self.decimal, self.thousands).fullmatch(number):
            return text
        return number.replace(self.thousands, "").replace(self.decimal, ".")


@cache
def _form(decimal: str, thousands: str) -> re.Pattern[str]:
    sign = re.escape(thousands)
    whole = rf"\d{{1,3}}(?:{sign}\d{{3}})+|\d+" if sign else r"\d+"
    return re.compile(rf"[+-]?(?:{whole})?(?:{re.escape(decimal)}\d+)?", re.ASCII)
