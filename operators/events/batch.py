"""A batch of events as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Mask


@dataclass(frozen=True)
class EventBatch:
    """n events in the order of their arrival.

    `time_us` is int64[n], microseconds since 1970. `type` is int64[n], the position of the
    event's type in the known types, or their number for any other. `session` is None where
    events have no session ids, and within it None for an event without. `numbers` are
    float64[n] by property, NaN where missing; `texts` likewise, None where missing. `taken_back`
    has of each property, where nulls take one back, bool[n]: whether it is null. `ids` is
    None where events have no ids, and within it None for an event without. `source`
    is int64[n], the position of each event's raw record in what was decoded.
    """

    users: Sequence[str]
    time_us: NDArray[np.int64]
    type: NDArray[np.int64]
    session: Sequence[str | None] | None
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Sequence[str | None]]
    source: NDArray[np.int64]
    ids: Sequence[str | None] | None = None
    taken_back: Mapping[str, Mask] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.users)

    def where(self, kept: Mask) -> EventBatch:
        """Only some of the events, bool[n]."""
        at = np.flatnonzero(kept).tolist()

        def chosen(texts: Sequence[str | None]) -> list[str | None]:
            return [texts[position] for position in at]

        return EventBatch(
            users=[self.users[position] for position in at],
            time_us=self.time_us[kept],
            type=self.type[kept],
            session=None if self.session is None else chosen(self.session),
            numbers={name: values[kept] for name, values in self.numbers.items()},
            texts={name: chosen(values) for name, values in self.texts.items()},
            source=self.source[kept],
            ids=None if self.ids is None else chosen(self.ids),
            taken_back={name: nulls[kept] for name, nulls in self.taken_back.items()},
        )
