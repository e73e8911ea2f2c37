"""The outcomes of a configuration, ready to be found in events and added up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from operators.base.durations import US_PER_UNIT, parse_duration_us
from operators.features.asked import Asked, ReadBeside
from operators.features.filters import EventFilter, PropertyFilter
from operators.features.kinds.options import types_of
from operators.outcomes.periods import Periods
from operators.outcomes.spec import OutcomesSpec

MICRO: Final = 1_000_000  # values are whole millionths, so that sums don't depend on an order

# Of a session, before the steps of the funnel and what there is by outcome.
SESSIONS, SECONDS, PAGES, BOUNCES, STEPS = range(5)


def read_beside(spec: OutcomesSpec) -> ReadBeside:
    """What is read of events for outcomes."""
    return ReadBeside(
        types=spec.types,
        numbers=spec.numbers,
        texts=spec.texts,
        asked=tuple(_asked(spec)),
        sessions=True,
    )


def _asked(spec: OutcomesSpec) -> Iterator[Asked]:
    """The properties that outcomes and strata read."""
    for name, each in spec.named.items():
        condition = () if each.where is None else PropertyFilter(each.where).columns
        for read in dict.fromkeys([*filter(None, [each.value]), *condition]):
            yield Asked(f"outcomes.{name}", read, types_of(each.event))
    yield from (Asked("outcomes.strata", name, None) for name in spec.strata)


@dataclass(frozen=True)
class Outcomes:
    """What a configuration measures by: `names` of k outcomes, `steps` of a funnel.

    What is summed up of a session stands in `session_width` columns: the number of sessions,
    microseconds, pages, bounces, then those that came to each step, those with a conversion and
    the value, by outcome; of events in 2 k: conversions and value, by outcome. A stratum is told by
    its position in `strata`, -1 for none of them.
    """

    names: tuple[str, ...]
    values: tuple[str | None, ...]
    steps: tuple[str, ...]
    strata: tuple[str, ...]
    periods: Periods
    keep_days: int
    spec: OutcomesSpec

    @classmethod
    def of(cls, spec: OutcomesSpec) -> Outcomes:
        """Those of a configuration in which `spec.problems` finds none."""
        return cls(
            names=tuple(spec.named),
            values=tuple(each.value for each in spec.named.values()),
            steps=tuple(spec.funnel),
            strata=tuple(value for values in spec.strata.values() for value in values),
            periods=Periods(spec.cohorts),
            keep_days=-(-parse_duration_us(spec.keep) // US_PER_UNIT["d"]),
            spec=spec,
        )

    @property
    def session_width(self) -> int:
        """How many numbers there are of a session."""
        return STEPS + len(self.steps) + 2 * len(self.names)

    @property
    def width(self) -> int:
        """How many numbers there are of a group's day."""
        return self.session_width + 2 * len(self.names)

    @property
    def cohort_width(self) -> int:
        """How many numbers there are of a cohort, without periods.

        Users; by outcome those with a conversion, conversions, value; by outcome the sum of the
        squares of users' values, in millionths.
        """
        return 1 + 4 * len(self.names)

    @property
    def identity(self) -> str:
        """Another one where what is kept of a user means something else."""
        spec = self.spec
        told = (spec.named, spec.page, spec.funnel, spec.cohorts, spec.strata)
        return sha256(msgspec.json.encode(told)).hexdigest()[:16]

    def filters(self, known: Sequence[str]) -> list[EventFilter]:
        """Which events are each outcome."""
        return [
            EventFilter.of(types_of(each.event), known, each.where)
            for each in self.spec.named.values()
        ]

    def page(self, known: Sequence[str]) -> EventFilter:
        """Which events are pages."""
        return EventFilter.of(types_of(self.spec.page), known)

    def funnel(self, known: Sequence[str]) -> list[EventFilter]:
        """Which events are each step."""
        return [EventFilter.of(types_of(step), known) for step in self.steps]
