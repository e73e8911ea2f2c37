"""A run from files to who is in which segment, without Flink: staged, decoded, judged."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from flink_job.config.load import check
from flink_job.jobs.input import staged_input
from flink_job.plan import Plan
from flink_job.staging.lines import LANE_WIDTH, RETURN
from flink_job.staging.stage import Staging
from operators.contracts.records import Transition
from operators.events.decode import EventDecoder
from operators.events.reasons import Reason
from operators.features.catalog import Catalog
from tests.property.pipeline import Pipeline, memberships, segments_of

NAMES: Final = {"user": "user_id", "time": "event_time", "type": "event_type"}


@dataclass(frozen=True)
class Ran:
    """What came of a run: users by segment, dead letters by reason with their details, doubts."""

    segments: dict[str, set[str]]
    letters: dict[Reason, list[str]]
    doubts: tuple[str, ...]
    transitions: list[Transition]


def ran(
    folder: Path,
    files: Mapping[str, str | bytes],
    data: Mapping[str, Any],
    names: Mapping[str, str] = NAMES,
) -> Ran:
    """Run a configuration (features, segments, events, run, source) over files.

    A segment may be its `when` alone.
    """
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    config = {
        "source": {"files": {"paths": list(files), **data.get("source", {})}},
        "output": {"folder": "out"},
        "events": {**names, **data.get("events", {})},
        "features": data["features"],
        "segments": {
            name: {"when": said} if isinstance(said, str) else said
            for name, said in data["segments"].items()
        },
        "run": {"state": "state", "resolution": "1m", **data.get("run", {})},
    }
    plan = Plan(check(config, "the test"), folder)
    staged = staged_input(plan, Staging())
    assert staged is not None
    end_us = plan.as_of_us() or staged.end_us
    assert end_us is not None
    return judged(plan, values_of(plan.folder.staged), end_us, staged.doubts)


def values_of(staged: Path) -> list[bytes]:
    with gzip.open(staged, "rt", encoding="utf-8", newline=None) as file:
        texts = [line.rstrip("\n").replace(RETURN, "\r")[LANE_WIDTH:] for line in file]
    return [text.encode("latin-1") for text in texts]


def judged(plan: Plan, values: Sequence[bytes], end_us: int, doubts: tuple[str, ...]) -> Ran:
    config = plan.config
    specs = {name: msgspec.to_builtins(spec) for name, spec in config.segments.items()}
    catalog = Catalog.compile(config.features, config.events.session_gap_us)
    run = Pipeline(
        catalog,
        segments_of(specs, 1),
        lanes=1,
        resolution=config.resolution_us,
        by_id=config.events.session is not None,
        dedup_within=config.events.dedup_within_us,
    )
    decoder = EventDecoder(
        config.events, catalog.event_types, catalog.numbers, catalog.texts, keyed=False
    )
    decoded = decoder.decode((), values, end_us)
    late = run.feed_decoded(decoded.events)
    run.finish(end_us)
    letters: dict[Reason, list[str]] = {}
    for rejected in decoded.rejected:
        letters.setdefault(rejected.reason, []).append(rejected.detail)
    if late:
        letters[Reason.LATE] = [""] * late
    found: dict[str, set[str]] = {name: set() for name in config.segments}
    for user, segments in memberships(run).items():
        for segment in segments:
            found[segment].add(user)
    return Ran(found, letters, doubts, run.transitions)
