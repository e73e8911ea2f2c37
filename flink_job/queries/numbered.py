"""Texts as numbers and records as rows of numbers: what a check of millions of records needs."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Mask

_AUDIENCE_BITS: Final = 32


class NumberedTexts:
    """Texts by number, from 0 on in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def number(self, text: str) -> int:
        """The number of a text, which it gets now if it has none."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def text(self, number: int) -> str:
        """The text of a number."""
        return self._texts[number]

    def texts(self) -> list[str]:
        """All of them, by number."""
        return self._texts


class Columns:
    """Rows of whole numbers that grow, 8 bytes a number."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._held = array("q")

    def __len__(self) -> int:
        return len(self._held) // self._width

    def add(self, *row: int) -> None:
        """Add a row, of as many numbers as there are columns."""
        self._held.extend(row)

    def rows(self) -> Ints:
        """A copy of all, int64[rows, columns]."""
        return np.array(self._held, np.int64).reshape(-1, self._width)

    def keep(self, kept: Mask) -> None:
        """Drop all rows but these."""
        self._held = array("q", self.rows()[kept].tobytes())


def pair(user: int, audience: int) -> int:
    """A user and what they are in, as one number."""
    return user << _AUDIENCE_BITS | audience


def users_of(pairs: Ints) -> Ints:
    """The users of pairs."""
    return pairs >> _AUDIENCE_BITS


def audiences_of(pairs: Ints) -> Ints:
    """What the users of pairs are in."""
    return pairs & ((1 << _AUDIENCE_BITS) - 1)


def among(rows: Ints, others: Ints) -> Mask:
    """Which rows of int64[n, k] stand among those of int64[m, k]."""
    columns = [np.concatenate(each) for each in zip(rows.T, others.T, strict=True)]
    order = np.lexsort(columns)
    differs = np.ones(len(order), np.bool_)  # from the one before it; of equal rows the first
    differs[1:] = False
    for column in columns:
        ordered = column[order]
        differs[1:] |= ordered[1:] != ordered[:-1]
    of_others = order >= len(rows)
    starts = np.flatnonzero(differs)
    there = np.logical_or.reduceat(of_others, starts) if len(starts) else differs
    found = np.empty(len(order), np.bool_)
    found[order] = np.repeat(there, np.diff(starts, append=len(order)))
    among_others: Mask = found[: len(rows)]
    return among_others
