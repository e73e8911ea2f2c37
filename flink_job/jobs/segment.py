"""Runs the `segment` job of a plan: prepares what it reads, starts or resumes it, counts."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from flink_job.config.model import Config
from flink_job.control.steering import Standing, Steering
from flink_job.jobs import anew
from flink_job.jobs.assembly import segment_job, upsert_folder
from flink_job.jobs.going_on import check_newest
from flink_job.jobs.input import staged_input
from flink_job.jobs.learning import final_models
from flink_job.jobs.ledger import account, totals
from flink_job.leases.fencing import shut_out_others
from flink_job.leases.lease import HeldLease
from flink_job.plan import Plan
from flink_job.runtime.kept_state import complete_us
from flink_job.runtime.run_folder import Note
from flink_job.runtime.running import Outcome, Watch
from flink_job.staging.stage import Staging, untold
from operators.base.errors import UsageError
from operators.base.moments import now_us
from operators.contracts.leases import Lease
from operators.contracts.records import LEDGER

COUNTERS: Final = ("records", "dead_letters", "assignments_changed", "transitions")


@dataclass(frozen=True)
class Start:
    """How to begin: from the last checkpoint, or afresh even where an earlier run was.

    With `apply` the configuration's segments hold from now on, whatever held before; with
    `remove`, too, if it lacks some that it is not known to have had.
    """

    resume: bool = False
    fresh: bool = False
    apply: bool = False
    remove: bool = False
    take_store: bool = False


@dataclass(frozen=True)
class Begin:
    """Where a run begins: what it was told at first, the state it goes on from, what holds.

    It begins `anew` where it was to be resumed and there is no checkpoint yet.
    """

    note: Note
    restore_from: Path | None
    standing: Standing
    anew: bool = False


def state_to_resume(plan: Plan, start: Start) -> str | None:
    """The name of the state that a start goes on from, None for one that begins anew."""
    noted = plan.folder.note() if start.resume else None
    if noted is None:
        return None
    if not noted.state:  # it was noted by an earlier flockwise
        noted = msgspec.structs.replace(noted, state=secrets.token_hex(8))
        plan.folder.write(noted)
    return noted.state


def begin(
    plan: Plan,
    start: Start,
    progress: Callable[[int], None],
    named: str = "",
    held: HeldLease | None = None,
    sorting: Callable[[int], None] = untold,
) -> Begin:
    """Look at the folder of the run and stage its files; `progress` counts records.

    `sorting` counts those that are brought into the order of time.

    The state that it leaves, if it begins anew, is `named` so. Of a job whose lease is `held`,
    the producers of earlier starts are shut out.

    Raises:
        UsageError: there is an earlier run, or what one has put out, and it was not said what to
            do with it, or the configuration has changed since; or other segments hold than it
            says; or the files can't be what is meant.
        PreflightError: Kafka or the store does not answer.
    """
    folder = plan.folder
    noted = None if start.fresh else folder.note()
    if start.resume:
        if noted is not None and noted.ended:
            return Begin(noted, None, _standing(plan, start))
        state = folder.last_state()
        if state is not None:
            if held is not None:
                shut_out_others(plan, held.lease, but_open=True)
                check_newest(plan, str(state), complete_us(state))
            return Begin(_checked(plan, noted), state, _standing(plan, start))
    elif noted is not None and not start.fresh:
        left = "has ended" if noted.ended else "was here: --resume goes on from its last checkpoint"
        raise UsageError(
            f"{folder.path}: an earlier run {left}; --fresh deletes its state and begins anew"
        )
    standing = _standing(plan, start)
    if held is not None:
        shut_out_others(plan, held.lease)
    if start.fresh:
        folder.forget()  # first of all: what was broken off midway must not be resumed
        anew.clear(plan, progress, held.check if held is not None else lambda: None)
    else:
        anew.check_nothing_left(plan, progress)
    _clear(plan)
    fingerprint, segments = _fingerprint(plan.config), plan.config.segments
    staged = staged_input(plan, Staging(progress, sorting))
    as_of_us = plan.as_of_us()
    if as_of_us is None and plan.config.bounded:
        as_of_us = now_us() if staged.end_us is None else staged.end_us
    note = Note(
        fingerprint,
        as_of_us,
        staged.records,
        segments,
        state=named,
        doubts=list(staged.doubts),
        roster=plan.config.roster_topic,
    )
    folder.write(note)
    return Begin(note, None, standing, anew=start.resume)


def segment(
    plan: Plan,
    begun: Begin,
    lease: Lease | None,
    jars: Sequence[Path],
    watch: Watch,
    cluster: tuple[str, int] | None = None,
) -> Outcome:
    """Run the job to its end, or until it is stopped; one that had ended is left as it is.

    It runs on a mini-cluster of its own, or on the one at `cluster`: host and port.

    Raises:
        JobError: it failed, or the records of a file are not all accounted for.
    """
    config, folder = plan.config, plan.folder
    if begun.note.ended:
        return Outcome(stopped=False, totals=totals(folder.path))
    given = None
    if config.run.models == "final" and config.clusters:
        given = final_models(plan, begun.note.as_of_us, jars, watch, cluster)
        if given is None:
            return Outcome(stopped=True)
    fresh = begun.restore_from is None
    job = segment_job(
        plan,
        begun.standing,
        fresh=fresh,
        lease=lease,
        as_of_us=begun.note.as_of_us,
        given=given,
    )
    outcome = job.run(folder, jars, begun.restore_from, watch, cluster)
    if outcome.stopped or not config.bounded:
        return outcome
    found = totals(folder.path)
    account(found, begun.note.records)
    folder.write(msgspec.structs.replace(begun.note, ended=True))
    return Outcome(stopped=False, totals=found)


def _fingerprint(config: Config) -> str:
    """A short name of what a resumed run must have as it was: of a bounded one, all.

    A live run may go on with other features, segments and clusters.
    """
    judged = (config.features, config.segments, config.clusters, config.run.forget_after)
    kept: tuple[object, ...] = (judged if config.bounded else (), config.run.lanes)
    if config.bounded and config.roster is not None:
        kept = (*kept, config.roster)
    if config.run.models != "newest":
        kept = (*kept, config.run.models)
    return sha256(msgspec.json.encode(kept, order="deterministic")).hexdigest()[:16]


def _standing(plan: Plan, start: Start) -> Standing:
    """The segments that hold: a job that can't be steered has its configuration's."""
    if plan.steered:
        return Steering(plan).settled(apply=start.apply, remove=start.remove)
    return Standing([plan.segments()], 0, plan.judged_columns())


def _checked(plan: Plan, noted: Note | None) -> Note:
    """What the run was started with, if it can go on with this configuration."""
    if noted is None:
        raise UsageError(
            f"{plan.folder.path}: there are checkpoints, but not the run.json that they go with; "
            "--fresh deletes them and begins anew"
        )
    if noted.fingerprint != _fingerprint(plan.config):
        kept = "features, segments, clusters, run.forget_after or " if plan.config.bounded else ""
        raise UsageError(
            f"{plan.folder.path}: the {kept}lanes are not those that the run was started with; "
            "--fresh begins anew"
        )
    topic = plan.config.roster_topic
    if topic == noted.roster:
        return noted
    if noted.roster is not None:
        raise UsageError(
            f"roster.topic: expected {noted.roster}, with which the run was started: it would go "
            "on to read that, as events; --fresh begins anew"
        )
    noted = msgspec.structs.replace(noted, roster=topic)
    plan.folder.write(noted)
    return noted


def _clear(plan: Plan) -> None:
    folder = plan.folder
    upsert = upsert_folder(plan)
    with suppress(UsageError), upsert.locked():  # else it is at work
        upsert.forget()  # its place may lie beyond the end of a changelog that was made anew
    own = (folder.checkpoints, folder.savepoints, folder.staged.parent, folder.path / LEDGER)
    for path in (*own, folder.learning.path):
        shutil.rmtree(path, ignore_errors=True)
