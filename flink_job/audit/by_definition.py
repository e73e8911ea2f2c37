"""Outcomes that a segment's own condition asks for: that buyers buy is no finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from operators.features.kinds.options import counted_types
from operators.features.spec import FeatureSpec
from operators.rules.segment import Segment
from operators.rules.tree import atoms, features, operands


@dataclass(frozen=True)
class OutcomeEvents:
    """Which events an outcome is: those of `types`, None for all; `value` is what it sums up."""

    types: tuple[str, ...] | None
    value: str | None = None


def contained(
    segments: Mapping[str, Segment],
    specs: Mapping[str, FeatureSpec],
    models: Mapping[str, Sequence[str]],
    outcomes: Mapping[str, OutcomeEvents],
) -> dict[str, frozenset[str]]:
    """By segment, the outcomes whose events its conditions ask for.

    They ask by way of features, which are in `specs`, of clusters, whose features are in `models`
    by the column, and of other segments.
    """
    return {
        name: frozenset(
            outcome
            for outcome, events in outcomes.items()
            if any(_counts(specs[each], events) for each in _asked(name, segments, models, specs))
        )
        for name in segments
    }


def _asked(
    name: str,
    segments: Mapping[str, Segment],
    models: Mapping[str, Sequence[str]],
    specs: Mapping[str, FeatureSpec],
) -> set[str]:
    """The features that decide on a segment, in the end."""
    found, left, seen = set[str](), [name], set[str]()
    while left:
        segment = segments.get(each := left.pop())
        if segment is None or each in seen:
            continue
        seen.add(each)
        left += segment.asks_for()
        for column in _columns(segment):
            found.update([column] if column in specs else models.get(column, ()))
    return found


def _columns(segment: Segment) -> Iterator[str]:
    for condition in segment.conditions():
        for atom in atoms(condition):
            yield from (each.name for each in features(*operands(atom)))


def _counts(spec: FeatureSpec, outcome: OutcomeEvents) -> bool:
    """Whether a feature is of the outcome's events.

    It names one of their types, or reads the property that the outcome sums up, of whichever type.
    """
    definition = spec.definition
    reads = spec.kind.reads(definition)
    if counted_types(definition) is None and reads is not None and reads.name == outcome.value:
        return True
    named = set(definition.known_types)
    return bool(named) and (outcome.types is None or not named.isdisjoint(outcome.types))
