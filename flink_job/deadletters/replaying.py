"""Which dead letters a replay takes, and how far it has come with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from flink_job.deadletters.offsets import ReplayPositions
from flink_job.deadletters.positions import Reached, ReplayPosition
from flink_job.deadletters.reading import Letter

_MOST_LETTERS: Final = 1_000
_MOST_BYTES: Final = 16 * 1024 * 1024

Refusal = Callable[[Letter], str | None]  # why a letter can't be replayed


@dataclass(frozen=True)
class LetterFilter:
    """The letters of one reason, or all; those of the reasons in `held` would only fail again."""

    reason: str | None = None
    held: frozenset[str] = frozenset()

    def names(self, reason: str) -> bool:
        """Whether letters of a reason are asked for."""
        return self.reason is None or self.reason == reason


class Target(Protocol):
    """Where letters are replayed to."""

    def deliver(self, letters: list[Letter], places: ReplayPositions) -> None:
        """Send letters, and then, or with them, keep the places that this reaches.

        Raises:
            FlockwiseError: it did not work; what was not delivered is not past its place.
        """
        ...


class Replay:
    """A replay: `sent`, `held` by reason and `refused` by why count what becomes of letters."""

    def __init__(
        self, places: Mapping[str, ReplayPosition], wanted: LetterFilter, refusal: Refusal
    ) -> None:
        self._before = places
        self._wanted = wanted
        self._refusal = refusal
        self._reached: dict[str, Reached] = {}
        self.sent = 0
        self.held: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    @property
    def places(self) -> ReplayPositions:
        """How far it has come in each part that it has seen."""
        return {part: reached.place for part, reached in self._reached.items()}

    def run(self, letters: Iterable[Letter], target: Target) -> None:
        """Replay what is due of these letters; without any it still goes past the refused ones.

        Raises:
            FlockwiseError: letters can't be read, or not be delivered.
        """
        due = self._due(letters)
        while batch := _batch(due):
            target.deliver(batch, self.places)
            self.sent += len(batch)
        target.deliver([], self.places)

    def _due(self, letters: Iterable[Letter]) -> Iterator[Letter]:
        """The letters to send; one counts as seen as soon as it is given out."""
        for letter in letters:
            reason = letter.record.reason
            reached = self._reached.setdefault(
                letter.part, Reached(self._before.get(letter.part, ReplayPosition()))
            )
            asked = self._wanted.names(reason) and not reached.is_past(letter.at, reason)
            taken = asked and reason not in self._wanted.held
            refused = self._refusal(letter) if taken else None
            reached.see(letter.at, reason, taken=taken)
            if refused is not None:
                self.refused[refused] += 1
            elif taken:
                yield letter
            elif asked:
                self.held[reason] += 1


def _batch(letters: Iterator[Letter]) -> list[Letter]:
    """The next letters, so many that they are sent in moments and fit into memory."""
    batch, size = [], 0
    for letter in letters:
        batch.append(letter)
        size += letter.record.size
        if len(batch) == _MOST_LETTERS or size >= _MOST_BYTES:
            break
    return batch
