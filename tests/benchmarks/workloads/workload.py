"""A workload: what a configuration says of events, and which answers are known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

Records = Iterable[tuple[bytes, bytes]]  # key and value

SPENDERS: Final = "Big Spenders"
SPENDER: Final[Mapping[str, Any]] = {"when": "spend_30d > 1500"}
SPEND: Final[Mapping[str, Any]] = {"sum": "price", "of": "purchase", "window": "30d"}
OLD_HANDS: Final = "Old Hands"
OLD_HAND: Final[Mapping[str, Any]] = {"when": "events > 150"}
EVENTS: Final[Mapping[str, Any]] = {"count": "any", "window": "lifetime"}

_SPENT: Final = 1_500
_BORDER: Final = 0.01  # a cent: who is so near may be on either side, by how sums are rounded
_SEEN: Final = 150


@dataclass(frozen=True)
class Workload:
    """The features, segments and cluster models of a job, and what these are measured by."""

    name: str
    features: Mapping[str, Any]
    segments: Mapping[str, Any]
    clusters: Mapping[str, Any] = field(default_factory=dict)
    outcomes: Mapping[str, Any] | None = None


class _Purchase(msgspec.Struct, gc=False):
    event_type: str
    price: float = 0.0


class Tally:
    """Who is in some segments after all events, told in plain Python."""

    def __init__(self) -> None:
        self._spent: dict[bytes, float] = {}
        self._seen = Counter[bytes]()

    def counted(self, records: Records) -> Records:
        """The same records, which are added up as they pass by."""
        decode, spent, seen = msgspec.json.Decoder(_Purchase).decode, self._spent, self._seen
        for key, value in records:
            seen[key] += 1
            if b'"purchase"' in value:
                spent[key] = spent.get(key, 0.0) + decode(value).price
            yield key, value

    def members(self, segment: str) -> set[str]:
        """The members of `OLD_HANDS`, or of `SPENDERS` if all events are of the last 30 days."""
        if segment == OLD_HANDS:
            return {user.decode() for user, count in self._seen.items() if count > _SEEN}
        return {user.decode() for user, sum_ in self._spent.items() if sum_ > _SPENT}

    def doubtful(self) -> set[str]:
        """Who has spent just about what a big spender has."""
        spent = self._spent.items()
        return {user.decode() for user, sum_ in spent if abs(sum_ - _SPENT) < _BORDER}
