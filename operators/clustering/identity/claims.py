"""What can be said of a cluster by its marks, and whether what was said is still true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from operators.clustering.identity.marks import Marks
from operators.clustering.identity.words import Claim, Wording


class Bar(NamedTuple):
    """What has to be there for a claim to be true.

    A difference in standard deviations, the range of one that is told as somewhat more or less,
    and the share of members who have nothing, or are of a category.
    """

    strength: float
    somewhat: tuple[float, float]
    hardly: float
    mostly: float


# Half a deviation is a difference that one sees (Cohen, 1988, calls it medium).
SAY: Final = Bar(strength=0.5, somewhat=(0.1, 0.5), hardly=0.8, mostly=0.6)
# What a version of a model moves by itself is less than what lies between the two.
KEEP: Final = Bar(strength=0.3, somewhat=(0.05, 0.7), hardly=0.7, mostly=0.5)
# A cluster of which there was nothing to say stays so below this.
SILENT: Final = 0.2
# Most and nothing say more than more and less.
_ORDER: Final = (Claim.MOST, Claim.NOTHING, Claim.MORE, Claim.LESS)
_SOMEWHAT: Final = (Claim.SOMEWHAT_MORE, Claim.SOMEWHAT_LESS)
# An age is the higher the longer it is, and the highest if there is none.
_ABOVE: Final = (Claim.MORE, Claim.MOST, Claim.SOMEWHAT_MORE)


class Claims:
    """All that can be said in the dimensions of a model."""

    def __init__(self, wordings: Sequence[Wording]) -> None:
        self._wordings = wordings
        # Two dimensions may say the same, as a count and an age do of what never happened.
        self._meant: dict[str, list[tuple[int, Claim]]] = {}
        for at, wording in enumerate(wordings):
            for claim, phrase in wording.phrases.items():
                self._meant.setdefault(phrase, []).append((at, claim))

    def of(self, marks: Marks, row: int) -> tuple[str, ...]:
        """What is true of a cluster, the strongest mark first, no phrase twice."""
        return tuple(dict.fromkeys(self._all(_ORDER, marks, row)))

    def somewhat(self, marks: Marks, row: int) -> tuple[str, ...]:
        """What is true of it, but too little to mark it, the strongest first, no phrase twice."""
        return tuple(dict.fromkeys(self._all(_SOMEWHAT, marks, row)))

    def hold(self, said: Sequence[str], marks: Marks, row: int) -> bool:
        """Whether what was said of a cluster is still true of it, by the lower bar.

        Of a phrase that no dimension has any more nothing is true.
        """
        if not said:
            return bool(np.abs(marks.strength[row]).max(initial=0.0) < SILENT)
        return all(
            any(self._true(*meant, marks, row, KEEP) for meant in self._meant.get(phrase, ()))
            for phrase in said
        )

    def _all(self, claims: Sequence[Claim], marks: Marks, row: int) -> Iterator[str]:
        strongest = np.argsort(-np.abs(marks.strength[row]), kind="stable").tolist()
        for at in strongest:
            for claim in claims:
                if self._true(at, claim, marks, row, SAY):
                    yield self._wordings[at].phrases[claim]
                    break

    def _true(self, at: int, claim: Claim, marks: Marks, row: int, bar: Bar) -> bool:
        wording, nothing = self._wordings[at], marks.nothing[row, at]
        if claim not in wording.phrases:
            return False
        above = claim in _ABOVE or (claim is Claim.NOTHING and wording.age)
        strength = marks.strength[row, at] if above else -marks.strength[row, at]
        if claim in _SOMEWHAT:
            least, most = bar.somewhat
            return bool(least <= strength < most)
        share = {Claim.NOTHING: nothing >= bar.hardly, Claim.MOST: 1 - nothing >= bar.mostly}
        return bool(strength >= bar.strength and share.get(claim, True))
