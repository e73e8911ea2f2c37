"""Who holds what, decided by the order of the topic of leases alone: everyone decides alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from operators.contracts.leases import Lease, LeaseRecord


@dataclass
class LeaseHolder:
    """A lease that holds: how often its job has been heard of, and whether it said it ended."""

    lease: Lease
    beats: int = 0
    ended: bool = False


@dataclass
class Holders:
    """The leases that hold after the records so far."""

    _by_token: dict[str, LeaseHolder] = field(default_factory=dict)

    def take(self, record: LeaseRecord) -> None:
        """Take the next record.

        A lease holds if it ends all that are in its way: of two starts that saw the same, the
        first in the topic wins. Heartbeats of a lease that holds no more change nothing.
        """
        if isinstance(record, Lease):
            self._acquire(record)
            return
        holder = self._by_token.get(record.token)
        if holder is not None:
            holder.beats += 1
            holder.ended = record.ended

    def of(self, token: str) -> LeaseHolder | None:
        """The holder of a lease, None if it does not hold, or no more."""
        return self._by_token.get(token)

    def in_the_way(self, name: str, topics: Iterable[str]) -> Sequence[LeaseHolder]:
        """Those who hold this name, or one of these topics; of the name first."""
        wanted = set(topics)
        found = [
            holder
            for holder in self._by_token.values()
            if holder.lease.name == name or wanted & set(holder.lease.topics)
        ]
        return sorted(found, key=lambda holder: holder.lease.name != name)

    def _acquire(self, lease: Lease) -> None:
        found = [each.lease.token for each in self.in_the_way(lease.name, lease.topics)]
        if set(found) <= {*lease.over, lease.token}:
            for token in found:
                del self._by_token[token]
            self._by_token[lease.token] = LeaseHolder(lease)
