"""The types of events, as codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from operators.base.arrays import Ints
from operators.events.fields import Faults, all_texts, shown, type_text
from operators.events.reasons import Reason


class TypeCodes:
    """Reads event types as positions in those that are known; any other has the next number.

    `renamed` has the names under which some are known. A whole number, also 1.0, is a type as its
    text is. Whoever wants to know which types there are, as they stand there, has them counted in
    `seen`.
    """

    seen: Counter[str] | None = None

    def __init__(self, known: Sequence[str], renamed: Mapping[str, str]) -> None:
        codes = {name: code for code, name in enumerate(known)}
        self._other = len(codes)
        self._codes = codes | {raw: codes.get(name, self._other) for raw, name in renamed.items()}

    def read(self, values: Sequence[Any], *, plain: bool = False) -> tuple[Ints, Faults]:
        """The codes, int64[n], of any value where there is a fault; `plain` as in `fields`."""
        faults: Faults = {}
        if plain or all_texts(values):
            if self.seen is not None:
                self.seen.update(values)
            return self._of(values), faults
        values = list(map(type_text, values))
        for position, value in enumerate(values):
            if value is None or value == "":
                faults[position] = (Reason.MISSING_TYPE, "the event type is missing, null or empty")
            elif type(value) is not str:
                faults[position] = (Reason.BAD_TYPE, f"expected a text, found {shown(value)}")
        if self.seen is not None:
            self.seen.update(value for at, value in enumerate(values) if at not in faults)
        return self._of([value if type(value) is str else "" for value in values]), faults

    def _of(self, names: Sequence[str]) -> Ints:
        return np.array(list(map(self._codes.get, names, repeat(self._other))), np.int64)
