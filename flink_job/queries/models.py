"""The versions of cluster models that a job has described, from its folder or topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from flink_job.kafka_client import client as kafka
from flink_job.plan import Plan
from flink_job.queries.users import raw_records
from flink_job.stores.changelog_view import RawRecord
from operators.base.errors import FlockwiseError, UsageError, nearest
from operators.clustering.record import ModelRecord, model_decoder


def published(plan: Plan) -> dict[str, list[ModelRecord]]:
    """The versions of each model, by its name, oldest first.

    Raises:
        UsageError: the configuration has no clusters, and never had.
        FlockwiseError: none was published yet.
        PreflightError: Kafka or the folder can't be read.
    """
    broker, topic = plan.kafka.output_broker(), plan.kafka.topics().models
    there = broker is None or topic in kafka.topics(broker)
    found = histories(raw_records(plan, topic)()) if there else {}
    if not found and not plan.config.clusters:
        raise UsageError("clusters: this configuration has none, so no model is learned")
    if not found:
        raise FlockwiseError(
            "no version of a cluster model is published yet: the first comes when the job has "
            "seen enough users (clusters.NAME.warm_start), or at the end of a bounded run"
        )
    return found


def histories(said: Iterable[RawRecord]) -> dict[str, list[ModelRecord]]:
    """The records among what was said, by model; each version once, oldest first.

    A run that began afresh, or from an older state, gives out versions again: those of the run
    before it that it has not come to yet are not its own.
    """
    by_key: dict[bytes, ModelRecord] = {}
    for key, value in said:
        if value is None:
            by_key.pop(key or b"", None)
            continue
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # of what is none of ours
            record = model_decoder.decode(value)
            by_key[f"{record.model}/{record.version}".encode()] = record
    found: dict[str, list[ModelRecord]] = {}
    for record in sorted(by_key.values(), key=lambda each: each.at):
        own = found.setdefault(record.model, [])
        while own and own[-1].version > record.version:
            own.pop()
        own.append(record)
    return found


def history_of(found: Mapping[str, list[ModelRecord]], model: str | None) -> list[ModelRecord]:
    """The versions of the model of a name; of the only one if none is given.

    Raises:
        UsageError: there is no such model, or more than one.
    """
    names = ", ".join(found)
    if model is None and len(found) > 1:
        raise UsageError(f"--model: which one? There are {names}")
    chosen = next(iter(found)) if model is None else model
    if chosen not in found:
        hint = nearest(chosen, list(found)) or f"; there are {names}"
        raise UsageError(f"--model: no version of '{chosen}' is published{hint}")
    return found[chosen]


def version_of(history: Sequence[ModelRecord], version: int | None) -> ModelRecord:
    """One version of a model, the newest if none is given.

    Raises:
        UsageError: there is no such version (any more).
    """
    newest = history[-1]
    if version is None:
        return newest
    for record in history:
        if record.version == version:
            return record
    raise UsageError(
        f"--version: there is no version {version} of '{newest.model}'; "
        f"there are {history[0].version} to {newest.version}"
    )
