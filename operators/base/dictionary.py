"""Dictionary encoding: texts stand in state once, and in arrays as small whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

_NO_TEXT: Final = -1  # the code of None
_DERIVED: Final = 1 << 40  # codes from here on are of computed texts, and no part of state


class Dictionary:
    """Texts and their codes, both ways. A code keeps its text for as long as it is held.

    Codes that were let go are given out again: ids of events would use up all that there are.
    Texts that are computed of others, as LOWER does in conditions, have codes that end with the
    next `keep`, and are no part of state.
    """

    def __init__(self) -> None:
        self._codes: dict[str | None, int] = {None: _NO_TEXT}
        self._texts: dict[int, str] = {}
        self._next = 0
        self._free: list[int] = []
        self._given: list[int] = []
        self._derived: dict[str, int] = {}
        self._derived_texts: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def pairs(self, codes: Iterable[int]) -> list[tuple[int, str]]:
        """Those of the codes that are held, with their texts."""
        texts = self._texts
        return [(code, texts[code]) for code in codes if code in texts]

    def add(self, text: str) -> int:
        """The code of a text, given out now if it has none."""
        code = self._codes.get(text)
        if code is None:
            code = self._free.pop() if self._free else self._next
            self.hold(code, text)
            self._given.append(code)
        return code

    def take_given(self) -> list[tuple[int, str]]:
        """The pairs that were given out since this was last asked."""
        given, self._given = self._given, []
        return self.pairs(given)

    def codes(self, texts: Sequence[str | None]) -> list[int]:
        """The codes of texts, given out now to those that have none; -1 for None."""
        codes = self._codes
        for text in dict.fromkeys(texts):
            if text is not None and text not in codes:
                self.add(text)
        return list(map(codes.__getitem__, texts))

    def hold(self, code: int, text: str) -> None:
        """Put a pair back that was given out before, as a restored state does."""
        self._codes[text] = code
        self._texts[code] = text
        self._next = max(self._next, code + 1)

    def derive(self, text: str) -> int:
        """The code of a text that was computed, given out until the next `keep` if it has none."""
        code = self.code(text)
        if code is None:
            code = self._derived[text] = _DERIVED + len(self._derived_texts)
            self._derived_texts.append(text)
        return code

    def code(self, text: str) -> int | None:
        """The code of a text, or None if it has none."""
        code = self._codes.get(text)
        return self._derived.get(text) if code is None else code

    def text(self, code: int) -> str:
        """The text of a code.

        Raises:
            KeyError: no text has this code.
        """
        return self._texts[code] if code < _DERIVED else self._derived_texts[code - _DERIVED]

    def keep(self, codes: Iterable[int]) -> None:
        """Let go of every text whose code is not among these."""
        self._derived, self._derived_texts = {}, []
        kept = dict(self.pairs(codes))
        self._texts = kept
        self._codes = {None: _NO_TEXT, **{text: code for code, text in kept.items()}}
        self._next = max(kept, default=-1) + 1
        self._free = [code for code in range(self._next) if code not in kept]
