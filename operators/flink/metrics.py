"""What the operators tell Flink's metric reporters.

Values that are set (not counted) are Flink distributions, whose latest value is reported: a
gauge would be called back from a Java thread into the interpreter that it measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from operators.base.moments import now_us
from operators.clustering.model import ClusterModel
from operators.events.reasons import Reason
from operators.features.asked import Expected

_LARGEST: Final = 2**63 - 1  # that a distribution can take


def _opened(group: Any) -> None:
    """Tell since when this subtask counts: counters begin anew with each attempt of a job."""
    group.distribution("opened_ms").update(now_us() // 1_000)


class ProfileMetrics:
    """Metrics of Profile: events, dead letters by reason, and what a batch costs."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._records = group.counter("records")
        self._applied = group.counter("events_applied")
        self._dead = group.counter("dead_letters")
        self._duplicates = group.counter("duplicates_dropped")
        self._people = group.counter("people_enrolled")
        self._evaluated = group.counter("users_evaluated")
        self._overflowed = group.counter("exact_windows_in_tiles")
        self._batch = group.distribution("batch_records")
        self._python_ns = group.distribution("python_ns_per_record")
        self._group = group
        self._by_reason: dict[Reason, Any] = {}

    def arrived(self, applied: int, duplicates: int) -> None:
        """Events were applied, or dropped as repeated."""
        self._applied.inc(applied)
        self._duplicates.inc(duplicates)

    def evaluated(self, evaluations: int, overflowed: int) -> None:
        """Users were evaluated so often, and so many exact windows of theirs counted in tiles."""
        self._evaluated.inc(evaluations)
        self._overflowed.inc(overflowed)

    def read(self, records: int) -> None:
        """So many records have come, of events and of the roster."""
        self._records.inc(records)

    def enrolled(self, people: int) -> None:
        """Records of the roster were taken."""
        self._people.inc(people)

    def batch(self, records: int, python_ns: int) -> None:
        """One batch of events is done; it took `python_ns` in all."""
        self._batch.update(records)
        self._python_ns.update(python_ns // max(records, 1))

    def dead_letter(self, reason: Reason) -> None:
        """One record could not be used."""
        self._dead.inc()
        if reason not in self._by_reason:
            group = self._group.add_group("reason", reason.value)
            self._by_reason[reason] = group.counter("dead_letters_by_reason")
        self._by_reason[reason].inc()


class MemoryMetrics:
    """Metrics of the users in the memory of an operator: bytes, and blocks of rows that went."""

    def __init__(self, group: Any) -> None:
        self._bytes = group.distribution("users_memory_bytes")
        self._dropped = group.counter("memory_blocks_dropped")
        self._loaded = group.counter("memory_blocks_loaded")

    def held(self, bytes_: int, dropped: int, loaded: int) -> None:
        """So many bytes are held, and so many blocks more were let go of and came back."""
        self._bytes.update(bytes_)
        self._dropped.inc(dropped)
        self._loaded.inc(loaded)


class InputMetrics:
    """Metrics of what is asked for of events: when one with it came last, 0 if none has."""

    def __init__(self, group: Any, expected: Sequence[Expected]) -> None:
        self._last_us = [-1] * len(expected)
        self._of = [self._metric(group, each) for each in expected]

    def came(self, at: int, now_us: int) -> None:
        """One came; `at` is its position in what is expected. A moment of -1 is none."""
        self._last_us[at] = max(self._last_us[at], now_us)
        self._of[at].update(max(self._last_us[at], 0) // 1_000)

    def _metric(self, group: Any, each: Expected) -> Any:
        kind = "field" if each.type is None else "type"
        metric = group.add_group(kind, str(each)).distribution("came_last_ms")
        metric.update(0)
        return metric


class LearnMetrics:
    """Metrics of Learn, by model: what it learned, and how good its newest version is."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._group = group
        self._by_model: dict[str, _ModelMetrics] = {}

    def learned(self, model: str, profiles: int, cpu_ns: int) -> None:
        """A sample of profiles was learned; it took `cpu_ns` of CPU in all, versions included."""
        metrics = self._of(model)
        metrics.profiles.inc(profiles)
        metrics.cpu_us.inc(cpu_ns // 1_000)

    def published(self, model: str, version: ClusterModel) -> None:
        """A version of a model judges from now on."""
        metrics, quality = self._of(model), version.quality
        metrics.version.update(version.version)
        # Users far off all clusters, by robust scaling, are squares without a limit.
        metrics.inertia.update(min(round(quality.inertia * 1_000_000), _LARGEST))
        metrics.silhouette.update(round(quality.silhouette * 1_000))
        metrics.stability.update(round(quality.stability * 1_000))
        metrics.dead.update(quality.dead)
        metrics.duplicates.update(quality.duplicates)
        metrics.smallest.update(round(min(each.share for each in version.clusters) * 1_000))
        metrics.largest.update(round(max(each.share for each in version.clusters) * 1_000))

    def _of(self, model: str) -> _ModelMetrics:
        if model not in self._by_model:
            self._by_model[model] = _ModelMetrics(self._group.add_group("model", model))
        return self._by_model[model]


class _ModelMetrics:
    """The metrics of one model. Distributions hold whole numbers: shares are thousandths."""

    def __init__(self, group: Any) -> None:
        self.profiles = group.counter("profiles_learned")
        self.cpu_us = group.counter("learning_cpu_us")
        self.version = group.distribution("version")
        self.inertia = group.distribution("inertia_millionths")
        self.silhouette = group.distribution("silhouette_thousandths")
        self.stability = group.distribution("stability_thousandths")
        self.dead = group.distribution("dead_clusters")
        self.duplicates = group.distribution("duplicate_clusters")
        self.smallest = group.distribution("smallest_cluster_thousandths")
        self.largest = group.distribution("largest_cluster_thousandths")


class MeasureMetrics:
    """Metrics of Measure: what was added up, what there is, and what was published of it."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._added = group.counter("deltas_added")
        self._published = group.counter("outcomes_published")
        self._deleted = group.counter("outcomes_deleted")
        self._days = group.distribution("outcome_days")
        self._cohorts = group.distribution("outcome_cohorts")

    def added(self, messages: int) -> None:
        """So many messages of Assign were added up."""
        self._added.inc(messages)

    def published(self, *, deleted: bool) -> None:
        """A record went out; one that is `deleted` is older than is kept."""
        (self._deleted if deleted else self._published).inc()

    def known(self, days: int, cohorts: int) -> None:
        """So many days and cohorts, of segments and clusters, are kept."""
        self._days.update(days)
        self._cohorts.update(cohorts)


class AssignMetrics:
    """Metrics of Assign: changes, their delay, and the models that judge."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._judged = group.counter("users_judged")
        self._forgotten = group.counter("users_forgotten")
        self._assignments = group.counter("assignments_changed")
        self._transitions = group.counter("transitions")
        self._delay_ms = group.distribution("event_to_decision_ms")
        self._python_ns = group.distribution("python_ns_per_user")
        self._outcomes_ns = group.distribution("outcomes_ns_per_user")
        self._group = group
        self._models: dict[str, Any] = {}

    def batch(self, judged: int, assignments: int, transitions: int, forgotten: int) -> None:
        """One message was judged."""
        self._judged.inc(judged)
        self._forgotten.inc(forgotten)
        self._assignments.inc(assignments)
        self._transitions.inc(transitions)

    def cost(
        self, event_at_ms: int | None, python_ns: int, judged: int, outcomes_ns: int = 0
    ) -> None:
        """What a message cost, and how long after its newest event in Kafka it was decided.

        `outcomes_ns` of it is what was spent on outcomes.
        """
        if judged:  # a pulse of an idle lane says nothing of users
            self._python_ns.update(python_ns // judged)
            self._outcomes_ns.update(outcomes_ns // judged)
        if event_at_ms is not None:
            self._delay_ms.update(now_us() // 1_000 - event_at_ms)

    def model(self, name: str, version: int) -> None:
        """A version of a model judges from now on."""
        if name not in self._models:
            group = self._group.add_group("model", name)
            self._models[name] = group.distribution("model_version")
        self._models[name].update(version)


class SteerMetrics:
    """Metrics of Steer: the version of the segments, and control messages that were refused."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._version = group.distribution("segments_version")
        self._refused = group.counter("control_messages_refused")

    def version(self, version: int) -> None:
        """A version of the segments holds from now on."""
        self._version.update(version)

    def refused(self) -> None:
        """One control message could not be used."""
        self._refused.inc()


class UpsertMetrics:
    """Metrics of Upsert: what was written, how late, and how often the store was away."""

    def __init__(self, group: Any) -> None:
        _opened(group)
        self._assignments = group.counter("assignments_written")
        self._transitions = group.counter("transitions_written")
        self._outcomes = group.counter("outcomes_written")
        self._unreadable = group.counter("unreadable_records")
        self._retries = group.counter("store_retries")
        self._event_to_changelog_ms = group.distribution("event_to_changelog_ms")
        self._changelog_to_store_ms = group.distribution("changelog_to_store_ms")
        self._event_to_store_ms = group.distribution("event_to_store_ms")

    def written(self, assignments: int, transitions: int, outcomes: int) -> None:
        """A batch is in the store."""
        self._assignments.inc(assignments)
        self._transitions.inc(transitions)
        self._outcomes.inc(outcomes)

    def delays(self, event_at_ms: int, read_ms: int, changelog_at_ms: int) -> None:
        """How long a batch took on its way, by its newest event, its reading and the changelog.

        `event_at_ms` is 0 where time alone brought the batch about. A record can be read once
        its transaction is committed.
        """
        now_ms = now_us() // 1_000
        self._changelog_to_store_ms.update(now_ms - changelog_at_ms)
        if event_at_ms:
            self._event_to_changelog_ms.update(read_ms - event_at_ms)
            self._event_to_store_ms.update(now_ms - event_at_ms)

    def unreadable(self) -> None:
        """A record of the changelog could not be read."""
        self._unreadable.inc()

    def retried(self) -> None:
        """The store was away once more."""
        self._retries.inc()
