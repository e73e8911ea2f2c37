"""What can be said of a cluster by its marks, and whether what was said is still true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from operators.clustering.identity.marks import Marks
from operators.clustering.identity.words import Claim, Wording


class Bar(NamedTuple):
    """What has to be there for a claim to be true.

    A difference in standard deviations, and the share of members who have nothing, or are of a
    category.
    """

    strength: float
    hardly: float
    mostly: float


# Half a deviation is a difference that one sees (Cohen, 1988, calls it medium).
SAY: Final = Bar(strength=0.5, hardly=0.8, mostly=0.6)
# What a version of a model moves by itself is less than what lies between the two.
KEEP: Final = Bar(strength=0.3, hardly=0.7, mostly=0.5)
# A cluster of which there was nothing to say stays so below this.
SILENT: Final = 0.7
# Most and nothing say more than more and less.
_ORDER: Final = (Claim.MOST, Claim.NOTHING, Claim.MORE, Claim.LESS)


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
        strongest = np.argsort(-np.abs(marks.strength[row]), kind="stable").tolist()
        return tuple(dict.fromkeys(self._all(strongest, marks, row)))

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

    def _all(self, strongest: Sequence[int], marks: Marks, row: int) -> Iterator[str]:
        for at in strongest:
            for claim in _ORDER:
                if self._true(at, claim, marks, row, SAY):
                    yield self._wordings[at].phrases[claim]
                    break

    def _true(self, at: int, claim: Claim, marks: Marks, row: int, bar: Bar) -> bool:
        wording, nothing = self._wordings[at], marks.nothing[row, at]
        if claim not in wording.phrases:
            return False
        # An age is the higher the longer it is, and the highest if there is none.
        more = claim in (Claim.MORE, Claim.MOST) or (claim is Claim.NOTHING and wording.age)
        strength = marks.strength[row, at] if more else -marks.strength[row, at]
        share = {Claim.NOTHING: nothing >= bar.hardly, Claim.MOST: 1 - nothing >= bar.mostly}
        return bool(strength >= bar.strength and share.get(claim, True))
