"""The newest version of each cluster model, without what it says of its clusters."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from flink_job.plan import Plan
from flink_job.queries.users import raw_records
from flink_job.stores.changelog_view import RawRecord


class ModelVersion(msgspec.Struct, frozen=True):
    """A version of a cluster model, published at a moment (ISO 8601)."""

    model: str
    version: int
    at: str


_decode = msgspec.json.Decoder(ModelVersion).decode


def newest_versions(plan: Plan) -> list[ModelVersion]:
    """The newest published version of each model of a plan.

    Raises:
        UsageError: an environment variable is not set.
        PreflightError: Kafka or the folder can't be read.
    """
    found = newest_by_model(raw_records(plan, plan.kafka.topics().models)())
    return [found[name] for name in plan.config.clusters if name in found]


def newest_by_model(said: Iterable[RawRecord]) -> dict[str, ModelVersion]:
    """The version of each model that was published last."""
    found: dict[str, ModelVersion] = {}
    for _, value in said:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # of what is none of ours
            version = _decode(value or b"")
            if version.model not in found or version.at >= found[version.model].at:
                found[version.model] = version
    return found
