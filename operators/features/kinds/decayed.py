"""`decayed_count`, `decayed_sum`: events and values that count less and less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.accumulators import Accumulator, EventCount, ValueAmount
from operators.features.decay import SHORTEST_HALF_LIFE_US
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind, zero
from operators.features.kinds.options import OF, WHERE, EventTypes, PropertyName
from operators.features.kinds.reading import number
from operators.features.shared_windows import SUMS, HalfLife, WindowPart


@dataclass(frozen=True)
class HalfLifeLength(Option[str]):
    """How long it takes until an amount counts half."""

    type: Any = str
    spans: bool = True

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        try:
            if parse_duration_us(value) < SHORTEST_HALF_LIFE_US:
                yield Problem(path, f"expected 1s or longer, found '{value}'")
        except UsageError as error:
            yield Problem(path, str(error))


HALF_LIFE: Final = HalfLifeLength("half_life", missing="expected a duration such as 7d")


def _decayed(feature: Compilation, accumulator: Accumulator) -> Compiled:
    span = HalfLife(parse_duration_us(feature.get(HALF_LIFE) or ""))
    return Compiled(parts=(WindowPart(feature.name, span, accumulator, SUMS),))


def _count(feature: Compilation) -> Compiled:
    return _decayed(feature, EventCount(feature.events))


def _sum(feature: Compilation) -> Compiled:
    return _decayed(feature, ValueAmount(feature.events, feature.property_name))


KINDS: Final = (
    FeatureKind(
        EventTypes("decayed_count"),
        takes=(WHERE, HALF_LIFE),
        compile=_count,
        empty=zero,
        counts=True,
    ),
    FeatureKind(
        PropertyName("decayed_sum"),
        takes=(OF, WHERE, HALF_LIFE),
        reads=number,
        compile=_sum,
        empty=zero,
    ),
)
