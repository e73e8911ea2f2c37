"""What the operators of the `segment` job are told: the configuration, as far as it is theirs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from operators.base.frame import FeatureColumn
from operators.clustering.final_model import FinalModel
from operators.clustering.spec import ClusterSpec
from operators.contracts.control.messages import Segments
from operators.contracts.control.passage import JobRules
from operators.contracts.leases import Lease
from operators.events.roster import RosterDecoder
from operators.events.spec import EventsSpec
from operators.features.asked import NOTHING_BESIDE, ReadBeside
from operators.features.catalog import Catalog
from operators.features.lifetime import Lifetime
from operators.features.spec import FeatureSpec
from operators.membership.clusterings import Clustering, with_clusters
from operators.outcomes.outcomes import Outcomes, read_beside
from operators.outcomes.series import Series
from operators.outcomes.sessions import SessionReader
from operators.outcomes.settling import Accounts
from operators.outcomes.spec import OutcomesSpec
from operators.pages.memory import Budget, shared_budget
from operators.rules.checking import check
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec
from operators.rules.watched import Watched

# Ages that a rule compares in an expression, and all ages of idle users, move in these steps.
_STEP_US: Final = 60_000_000
_VERSIONS: Final = 4  # that are kept, compiled: lanes take a new one one after the other


@dataclass(frozen=True)
class Clock:
    """How time goes in a run.

    With `wall` users are evaluated at the wall clock, else at multiples of `resolution_us` of
    event time. A bounded run ends with an evaluation `as_of_us`.
    """

    wall: bool
    resolution_us: int
    as_of_us: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where records go: the names of the topics, or of the folders that stand for them.

    A job that can't be steered has no `status`, and one that measures nothing no `outcomes`.
    """

    assignments: str
    transitions: str
    dead_letters: str
    models: str
    status: str | None
    leases: str
    most_letter_bytes: int
    outcomes: str | None = None


def _may() -> None:
    """Nobody can end a job without a lease."""


@dataclass(frozen=True)
class Settings:
    """All that Profile, Learn and Assign have to know.

    `keyed` says whether records have keys, which must then be their users. With `lifetime` None
    users are never forgotten. `lanes` is their number. A job that writes to Kafka has a `lease`;
    whenever it is restarted, `may_begin` raises if another start has taken over. One that
    `only_learns` judges nobody; one to which models are `given` judges by them from the start.
    With a roster, `roster_user` is the field of its records that has the user. With `outcomes`
    segments and clusters are measured by them. Users' rows take up to `memory` bytes of each
    process; None has all of them in memory.
    """

    events: EventsSpec
    features: Mapping[str, FeatureSpec]
    segments: Segments
    clusters: Mapping[str, ClusterSpec]
    clock: Clock
    outputs: Outputs
    lanes: int
    keyed: bool = True
    lifetime: Lifetime | None = None
    lease: Lease | None = None
    only_learns: bool = False
    given: Mapping[str, FinalModel] | None = None
    may_begin: Callable[[], None] = _may
    roster_user: str | None = None
    outcomes: OutcomesSpec | None = None
    memory: int | None = None

    def budget(self) -> Budget | None:
        """Of the memory of users' rows, for all operators of this process; None without one.

        Raises:
            FlockwiseError: there is no folder on a disk for temporary files.
        """
        return None if self.memory is None else shared_budget(self.memory)

    @property
    def beside(self) -> ReadBeside:
        """What is read of events beside features."""
        return NOTHING_BESIDE if self.outcomes is None else read_beside(self.outcomes)

    def catalog(self) -> Catalog:
        """The features, compiled."""
        return Catalog.compile(self.features, self.events.session_gap_us, self.beside)

    def session_reader(self, catalog: Catalog) -> SessionReader | None:
        """What reads events for outcomes, None where nothing is measured."""
        if self.outcomes is None or self.only_learns:
            return None
        return SessionReader(Outcomes.of(self.outcomes), catalog.event_types)

    def accounts(self, rulebook: Rulebook, specs: Mapping[str, SegmentSpec]) -> Accounts | None:
        """What segments are measured by that are judged by a rulebook, None where nothing is."""
        if self.outcomes is None:
            return None
        series, outcomes = Series(self.features, self.clusters, self.outcomes), self.outcomes
        by_name = series.of_segments(specs)
        return Accounts(
            Outcomes.of(outcomes),
            [(name, by_name[name]) for name in rulebook.names],
            [(name, series.of_clusters(name)) for name in self.clusters],
        )

    def roster_decoder(self, catalog: Catalog) -> RosterDecoder | None:
        """What reads the records of the roster, None without one."""
        if self.roster_user is None:
            return None
        numbers, texts = catalog.traits
        types = len(catalog.event_types)
        return RosterDecoder(self.roster_user, self.events, numbers, texts, types, keyed=self.keyed)

    def clusterings(self, columns: Mapping[str, FeatureColumn]) -> list[Clustering]:
        """The cluster models over the features, in order."""
        return [Clustering.of(name, spec, columns) for name, spec in self.clusters.items()]

    def watched(self, columns: Mapping[str, FeatureColumn]) -> WatchedRules:
        """What can change a verdict over these features."""
        judged = with_clusters(columns, self.clusters)
        if self.only_learns:
            return WatchedRules(columns, judged, frozenset())
        read = {each.feature for x in self.clusterings(columns) for each in x.space.dimensions}
        return WatchedRules(columns, judged, read)

    def job_rules(self, columns: Mapping[str, FeatureColumn]) -> JobRules:
        """How a job without end comes by its rules; only one that has a status is steered."""
        return JobRules(
            self.segments,
            steered=self.outputs.status is not None,
            wall=self.clock.wall,
            columns=with_clusters(columns, self.clusters),
            watched=self.watched(columns),
        )

    def rulebook(
        self, columns: Mapping[str, FeatureColumn], specs: Mapping[str, SegmentSpec], version: int
    ) -> Rulebook:
        """Segments, compiled over the features and the clusters."""
        step_us = max(_STEP_US, self.clock.resolution_us)
        judged = with_clusters(columns, self.clusters)
        return Rulebook.compile(specs, judged, step_us=step_us, version=version)


class WatchedRules:
    """What can change a verdict by some versions of the segments; the last ones are kept.

    Args:
        columns: the features.
        judged: what conditions may name.
        read: the features that cluster models read: they move users as they change.
    """

    def __init__(
        self,
        columns: Mapping[str, FeatureColumn],
        judged: Mapping[str, FeatureColumn],
        read: Collection[str],
    ) -> None:
        self._columns, self._judged, self._read = columns, judged, read
        self._kept: dict[bytes, Watched] = {}

    def __call__(self, versions: Sequence[Mapping[str, SegmentSpec]]) -> Watched:
        """By any of these versions; conditions with mistakes count for nothing."""
        key = _encode(versions)
        if key not in self._kept:
            segments = [segment for specs in versions for segment in check(specs, self._judged)[0]]
            kept = list(self._kept.items())[1 - _VERSIONS :]
            watched = Watched.of(segments, self._columns, self._read)
            self._kept = dict([*kept, (key, watched)])
        return self._kept[key]


def judged_columns(
    features: Mapping[str, FeatureSpec], models: Mapping[str, ClusterSpec]
) -> dict[str, FeatureColumn]:
    """What conditions may name: features and cluster models of a configuration."""
    # How long sessions are says nothing about columns.
    return with_clusters(Catalog.compile(features, session_gap_us=1).columns, models)


_encode: Final = msgspec.msgpack.Encoder().encode
