"""What every store can do. A store is a view of the changelog, ordered by versions alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from operators.base.durations import US_PER_UNIT
from operators.contracts.outcomes import OutcomeRecord
from operators.contracts.records import Assignment, Change, Tombstone, Transition
from operators.contracts.store import StoreWriter

# For so long after a user was forgotten, older records about them are still known as such.
FORGOTTEN_KEPT_US: Final = 10 * US_PER_UNIT["d"]


@dataclass(frozen=True)
class Member:
    """A user of a segment or cluster: since when, if known, and the version that says so."""

    user: str
    since: str | None
    version: int


@dataclass(frozen=True)
class StoreOwner:
    """The job whose results a store holds: its name, and the changelog they are a view of."""

    job: str
    changelog: str
    since: str  # ISO 8601

    def is_same(self, other: StoreOwner) -> bool:
        """Whether it is the same job with the same changelog, whenever it came."""
        return (self.job, self.changelog) == (other.job, other.changelog)


class StoreReader(Protocol):
    """A view of the changelog that answers questions about users, segments and clusters.

    `unreadable` counts records that it came upon and could not read, as far as it keeps count.
    """

    unreadable: int = 0

    @abstractmethod
    def lookup(self, user: str) -> Assignment | None:
        """A user's assignment now, None for one who is unknown or forgotten.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def members(self, segment: str) -> Iterator[Member]:
        """The users of a segment, in no order that means anything.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def cluster_members(self, model: str, cluster: int) -> Iterator[Member]:
        """The users of a model's cluster, by its id, in no order.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def transitions(self, user: str, limit: int) -> list[Transition]:
        """A user's newest transitions, newest first, as far as they are still kept.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def assignments(self) -> Iterator[Assignment]:
        """Everyone's assignment now, in no order that means anything.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def all_members(self) -> Iterator[tuple[str, Member]]:
        """Everyone in every segment and cluster, each with its audience, in no order.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def all_transitions(self) -> Iterator[Transition]:
        """Everyone's transitions, as far as they are still kept, in no order.

        Raises:
            StoreError: a store can't be read.
            PreflightError: the changelog can't be read.
        """
        ...

    @abstractmethod
    def outcomes(self) -> Iterator[OutcomeRecord]:
        """What segments and clusters are worth, by days and cohorts that are kept, in no order.

        Raises:
            StoreError: a store can't be read.
            PreflightError: what is published can't be read.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; the view may not be used afterwards."""
        ...


class Store(StoreReader, StoreWriter, Protocol):
    """A view of the changelog that is written, and answers. One thread at a time."""

    def apply_file(
        self,
        name: str,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> bool:
        """Apply the records of a file of the changelog; False if it is known to be applied.

        A store that keeps no names of files applies them again, which changes nothing.

        Raises:
            StoreError: the store can't be reached or refused a write.
        """
        self.apply(changes, transitions, outcomes)
        return True

    @abstractmethod
    def check(self, *, outcomes: bool = False) -> None:
        """Make sure within seconds that the store is there and may be read and written.

        That is asked of the table of `outcomes` only where there are some: older stores lack it.

        Raises:
            PreflightError: it is not, and why.
        """
        ...

    @property
    def server(self) -> str | None:
        """The server that it is in, such as "Cassandra at HOST port PORT"; None for a file."""
        return None

    def probe(self, within_s: float) -> None:
        """Make sure within a time that its server answers as reads and writes need it.

        Raises:
            StoreError: it does not.
        """
        return

    @abstractmethod
    def owner(self) -> StoreOwner | None:
        """Whose store it is, None while it is nobody's.

        Raises:
            StoreError: the store can't be read.
        """
        ...

    @abstractmethod
    def give_to(self, owner: StoreOwner, before: StoreOwner | None) -> bool:
        """Make a job the owner; False, and nothing changes, if it is no longer `before`'s.

        Raises:
            StoreError: the store can't be reached or refused a write.
        """
        ...

    @abstractmethod
    def empty(self) -> None:
        """Delete every row of results; the owner stays.

        Raises:
            StoreError: the store can't be reached or refused.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; the store may not be used afterwards."""
        ...


AChange = TypeVar("AChange", bound=Change)


def newest(changes: Iterable[AChange]) -> list[AChange]:
    """Each user's change with the largest version."""
    chosen: dict[str, AChange] = {}
    for change in changes:
        held = chosen.get(change.user)
        if held is None or change.version > held.version:
            chosen[change.user] = change
    return list(chosen.values())


def tombstones(changes: Iterable[Change]) -> list[Tombstone]:
    """The newest tombstone of each user who has one."""
    return newest(change for change in changes if isinstance(change, Tombstone))
