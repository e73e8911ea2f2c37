"""The topics of a run: their names, and making them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.client import LARGEST_MESSAGE, make_missing_topics

# So long a store may be away and miss nobody who was forgotten, and no day that is no longer kept:
# no record is dropped before.
_COMPACTED: Final = {"cleanup.policy": "compact", "min.compaction.lag.ms": str(3 * 86_400_000)}
# A version of a model has a megabyte where there are hundreds of clusters of dozens of features.
_MODELS: Final = {"cleanup.policy": "compact", "max.message.bytes": str(LARGEST_MESSAGE)}
# A job adds a record every two seconds. Compaction begins once a segment is closed.
_LEASES: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.01",
}
# Lanes tell every so often: what is older than some minutes goes soon, so that reading stays short.
_STATUS: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
}
_FOR_EVER: Final = {"retention.ms": "-1", "retention.bytes": "-1"}


@dataclass(frozen=True, kw_only=True)
class Topics:
    """The names under which records go out, in Kafka and in folders alike.

    Only a job that can be steered has `control` and `status`, and one that measures, `outcomes`.
    """

    assignments: str = "assignments"
    transitions: str = "transitions"
    dead_letters: str = "dead-letters"
    control: str = "control"
    status: str = "status"
    models: str = "models"
    outcomes: str | None = None
    leases: str = "flockwise-leases"

    def records(self) -> tuple[str, ...]:
        """Those that a run writes whether or not it can be steered."""
        every = (self.assignments, self.transitions, self.dead_letters, self.models)
        return every if self.outcomes is None else (*every, self.outcomes)

    def changelog(self) -> tuple[str, ...]:
        """Those that a store is a view of."""
        users = (self.assignments, self.transitions)
        return users if self.outcomes is None else (*users, self.outcomes)

    def own(self) -> tuple[str, ...]:
        """Those that belong to one job; `leases` is shared by all."""
        return *self.records(), self.control, self.status


def make_topics(broker: Broker, topics: Topics, *, steered: bool) -> None:
    """Make the topics of a run that are not there, each with the settings that it needs.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
    """
    wanted: dict[str, tuple[int, Mapping[str, str]]] = {
        topics.assignments: (4, _COMPACTED),
        topics.transitions: (4, {}),
        topics.dead_letters: (1, {"max.message.bytes": str(LARGEST_MESSAGE)}),
        topics.models: (1, _MODELS),  # one partition: its versions in their order
        topics.leases: (1, _LEASES),
    }
    if topics.outcomes is not None:
        wanted[topics.outcomes] = (1, _COMPACTED)
    if steered:
        # One partition: the order of its messages decides.
        wanted |= {topics.control: (1, _FOR_EVER), topics.status: (1, _STATUS)}
    make_missing_topics(broker, wanted)
