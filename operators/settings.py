"""What the operators of the `segment` job are told: the configuration, as far as it is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from operators.clustering.spec import ClusterSpec
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.spec import FeatureSpec
from operators.frame import FeatureColumn, Kind
from operators.membership.members import CLUSTER
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec

# Ages that a rule compares in an expression, and all ages of idle users, move in these steps.
_STEP_US: Final = 60_000_000


@dataclass(frozen=True)
class Clock:
    """How time goes in a run.

    With `wall` users are evaluated at the wall clock, else at multiples of `resolution_us` of
    event time. A bounded run ends with an evaluation `as_of_us`.
    """

    wall: bool
    resolution_us: int
    as_of_us: int | None = None


@dataclass(frozen=True)
class Outputs:
    """Where records go: the names of the three topics, or of the folders that stand for them."""

    assignments: str
    transitions: str
    dead_letters: str
    most_letter_bytes: int


@dataclass(frozen=True)
class Settings:
    """All that Profile, Learn and Assign have to know.

    `keyed` says whether records have keys, which must then be their users.
    """

    events: EventsSpec
    features: Mapping[str, FeatureSpec]
    segments: Mapping[str, SegmentSpec]
    clusters: Mapping[str, ClusterSpec]
    rules_version: int
    clock: Clock
    outputs: Outputs
    keyed: bool = True

    def catalog(self) -> Catalog:
        """The features, compiled."""
        return Catalog.compile(self.features, self.events.session_gap_us)

    def rulebook(self, columns: Mapping[str, FeatureColumn]) -> Rulebook:
        """The segments, compiled over the features and the cluster."""
        judged = {**columns, CLUSTER: FeatureColumn(CLUSTER, Kind.NUMBER)}
        step_us = max(_STEP_US, self.clock.resolution_us)
        return Rulebook.compile(self.segments, judged, step_us=step_us, version=self.rules_version)
