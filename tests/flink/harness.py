"""Runs the real `segment` job in this process, on its mini-cluster, and reads what it committed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from flink_job.config.load import check
from flink_job.jobs import preflight
from flink_job.jobs.segment import COUNTERS, Start, begin, segment
from flink_job.leases.lease import HeldLease
from flink_job.plan import Plan
from flink_job.runtime.progress import silent
from flink_job.runtime.running import Outcome, Watch
from operators.contracts.outcomes import OutcomeRecord, outcome_decoder
from operators.contracts.records import (
    Assignment,
    DeadLetter,
    Transition,
    assignment_decoder,
    dead_letter_decoder,
    transition_decoder,
)
from tests.flink.minicluster import end_jobs, rest_address, start_java
from tests.oracle import Event

AFRESH = Start()


@dataclass(frozen=True)
class Run:
    """A run that is over: its outcome and its committed records."""

    outcome: Outcome
    folder: Path

    def assignments(self) -> dict[str, Assignment]:
        """The newest of each user."""
        newest: dict[str, Assignment] = {}
        for record in self._records("assignments", assignment_decoder):
            if record.user not in newest or newest[record.user].version < record.version:
                newest[record.user] = record
        return newest

    def transitions(self) -> list[Transition]:
        return self._records("transitions", transition_decoder)

    def outcomes(self) -> list[OutcomeRecord]:
        return self._records("outcomes", outcome_decoder)

    def dead_letters(self) -> list[DeadLetter]:
        return self._records("dead-letters", dead_letter_decoder)

    def _records(self, name: str, decoder: msgspec.json.Decoder[Any]) -> list[Any]:
        files = (path for path in sorted((self.folder / name).rglob("*")) if path.is_file())
        committed = (path for path in files if not path.name.startswith((".", "_")))
        return [record for path in committed for record in decoder.decode_lines(path.read_bytes())]


def run_job(
    base: Path,
    config: Mapping[str, Any],
    *,
    start: Start = AFRESH,
    stop: threading.Event | None = None,
    watch: Watch | None = None,
) -> Run:
    """Run a configuration whose files and folders lie in `base`, to its end."""
    plan = Plan(check(dict(config), "the test"), base)
    chosen = watch or Watch(COUNTERS, lambda _: None, _fail, stop or threading.Event())
    outcome = run_plan(plan, start, chosen)
    return Run(outcome, plan.paths.output_folder() or base)


def run_plan(
    plan: Plan, start: Start, watch: Watch, state: str = "", held: HeldLease | None = None
) -> Outcome:
    """Run a plan as `flockwise run` does, but on the mini-cluster of this process.

    `state` names what it leaves behind, `held` is its lease, as for `begin`.
    """
    preflight.check(plan)
    start_java(plan.folder.logs)
    jars = preflight.connector_jars(plan, silent)
    begun = begin(plan, start, lambda _: None, state, held)
    cluster = rest_address()
    try:
        return segment(plan, begun, held.lease if held else None, jars, watch, cluster)
    except BaseException:
        end_jobs()
        raise


def write_events(path: Path, events: Iterable[Event]) -> None:
    """Events as JSON lines, times in microseconds."""
    with path.open("w") as file:
        file.writelines(json.dumps(row_of(event)) + "\n" for event in events)


def row_of(event: Event) -> dict[str, Any]:
    """An event as the default field names have it."""
    return {
        "user_id": event.user,
        "event_time": event.time,
        "event_type": event.type,
        "session": event.session,
        **event.properties,
    }


def config_of(
    features: Mapping[str, Any],
    segments: Mapping[str, Any],
    files: Sequence[str] = ("events.jsonl",),
    **more: Any,
) -> dict[str, Any]:
    """A configuration over files in the harness's shape."""
    return {
        "source": {"files": {"paths": list(files), "order": "as_is"}},
        "output": {"folder": "out"},
        "events": {"time_unit": "us", "session": "session", "session_gap": "10m"},
        "features": dict(features),
        "segments": dict(segments),
        "run": {"state": "state", "lanes": 4},
    } | more


def _fail(reason: str) -> None:
    raise AssertionError(f"the job failed and was restarted: {reason}")
