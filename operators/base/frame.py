"""What a feature presents to rules and clusters: its name, kind and unit, and its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from math import nan
from typing import Final
from zlib import crc32

import msgspec
import numpy as np

from operators.base.arrays import Floats, Ints, Moments
from operators.base.dictionary import Dictionary


class Kind(Enum):
    """How a feature's column of a `Frame` is read."""

    NUMBER = "number"  # the value itself
    AGE = "age"  # the moment since which it ages, in microseconds since 1970
    CATEGORY = "category"  # the dictionary code of a text
    LIST = "list"  # that of several, as `list_text` writes them; null where there is none

    @property
    def coded(self) -> bool:
        """Whether the values are dictionary codes."""
        return self in (Kind.CATEGORY, Kind.LIST)


@dataclass(frozen=True)
class FeatureColumn:
    """One feature as rules and clusters see it.

    `unit_us` is the length of one unit of an age, in microseconds; `categories` the values that
    one-hot encoding gives a dimension each; `empty` what there is to say of a user without
    events, NaN for null. `counts` is whether it counts things, as words have it: many or few, where
    others are high or low; `names` what some of its numbers are called. `identity` is equal for
    columns whose values mean the same, whatever configuration they come from.
    """

    name: str
    kind: Kind
    unit_us: int = 0
    categories: tuple[str, ...] = ()
    empty: float = nan
    counts: bool = False
    names: tuple[tuple[str, int], ...] = ()
    identity: str = ""


def meaning(columns: Mapping[str, FeatureColumn]) -> int:
    """A number that is another one if a column is, or if its values mean something else."""
    text = "\n".join(f"{x.name} {x.kind.value} {x.unit_us} {x.identity}" for x in columns.values())
    return crc32(text.encode())


@dataclass(frozen=True)
class Frame:
    """The features of n users, each at a moment of its own.

    `values` is float64[features, n], one row a feature in the order of `columns`. NaN is
    missing (null). A row of kind AGE holds the moment since which it ages; `numbers` turns it
    into an age. Rows of kind CATEGORY and LIST hold codes of `dictionary`. `now_us` is int64[n].
    """

    columns: Mapping[str, FeatureColumn]
    values: Floats
    now_us: Moments
    dictionary: Dictionary

    def __len__(self) -> int:
        return len(self.now_us)

    def at(self, positions: Ints, now_us: Moments | None = None) -> Frame:
        """The users at some positions, at the same moments or at others."""
        moments = self.now_us[positions] if now_us is None else now_us
        return Frame(self.columns, self.values[:, positions], moments, self.dictionary)

    def row(self, name: str) -> Floats:
        """The raw row of a feature, float64[n]."""
        row: Floats = self.values[self._places[name]]
        return row

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.columns)}

    def numbers(self, name: str) -> Floats:
        """A NUMBER as it is, an AGE in its unit, float64[n]; NaN is null."""
        column = self.columns[name]
        if column.kind is not Kind.AGE:
            return self.row(name)
        # Below zero only while an event of the near future (clock skew) is the newest.
        ages: Floats = np.maximum((self.now_us - self.row(name)) / column.unit_us, 0.0)
        return ages

    def text(self, name: str, at: int) -> str | None:
        """The text of a CATEGORY for the user at a position; None is null."""
        code = self.row(name)[at]
        return None if np.isnan(code) else self.dictionary.text(int(code))

    def texts(self, name: str, at: int) -> list[str]:
        """The texts of a LIST for the user at a position."""
        text = self.text(name, at)
        return [] if text is None else list_values(text)


def list_text(values: Sequence[str]) -> str:
    """Some texts as one, from which each can be told, whatever stands in it: a JSON array."""
    return _write_list(values).decode()


def list_values(text: str) -> list[str]:
    """The texts of which `list_text` made one."""
    return _read_list(text)


_write_list: Final = msgspec.json.Encoder().encode
_read_list: Final = msgspec.json.Decoder(list[str]).decode
