"""What the `upsert` job needs of a store; all else of stores is no business of operators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import Change, Transition


class StoreWriter(Protocol):
    """Takes the records of the changelog, in whatever order they come and however often.

    The largest version wins, of each user and of each day or cohort of outcomes, whichever of the
    older ones never come. One thread at a time.
    """

    @abstractmethod
    def apply(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> None:
        """Write records and return when they are durable; may be repeated after a failure.

        Raises:
            StoreError: the store can't be reached or refused a write.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; the store may not be used afterwards."""
        ...
