"""The first half of a run with `models: final`: the history is read for its cluster models alone.

What it comes to lies in a folder of the run, committed; until it does, the run has not begun to
judge, and begins anew when it is resumed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.connectors.sinks import FolderSink
from flink_job.job import define_learning_job
from flink_job.jobs import parts
from flink_job.jobs.assembly import Job
from flink_job.jobs.tuning import segment_tuning
from flink_job.plan import Plan
from flink_job.runtime.environment import Environment, spread_lanes
from flink_job.runtime.run_folder import Note
from flink_job.runtime.running import Watch
from operators.clustering.final_model import FinalModel
from operators.contracts.control.messages import Segments
from operators.flink.streams import FINAL_MODELS

_decode_lines: Final = msgspec.json.Decoder(FinalModel).decode_lines


def final_models(
    plan: Plan,
    as_of_us: int | None,
    jars: Sequence[Path],
    watch: Watch,
    cluster: tuple[str, int] | None,
) -> Mapping[str, FinalModel] | None:
    """The models of the whole history, learned now unless they are there; None if stopped.

    Raises:
        JobError: the job failed.
    """
    folder = plan.folder.learning
    noted = folder.note()
    if noted is None or not noted.ended:
        shutil.rmtree(folder.path, ignore_errors=True)
        noted = Note("", as_of_us, None, {})
        folder.write(noted)
        job = _job(plan, as_of_us)
        if job.run(folder, jars, None, _quiet(watch), cluster).stopped:
            return None
        folder.write(msgspec.structs.replace(noted, ended=True))
    paths = committed_files(folder.path / FINAL_MODELS)
    found = [model for path in paths for model in _decode_lines(path.read_bytes())]
    return {model.name: model for model in found}


def _job(plan: Plan, as_of_us: int | None) -> Job:
    config = plan.config
    nobody = Segments(1, {})  # is judged
    settings = replace(parts.settings(plan, as_of_us, nobody), only_learns=True)
    source = parts.source(plan)
    sink = FolderSink(plan.folder.learning.path, (FINAL_MODELS,))

    def define(environment: Environment) -> None:
        define_learning_job(environment, settings, spread_lanes(config.run.lanes), source, sink)

    return Job(plan, "segment", segment_tuning(config), config.run.parallelism, define)


def _quiet(watch: Watch) -> Watch:
    """A watch of what commits nothing that others could read."""
    return Watch(
        watch.counters,
        watch.learning,
        watch.restarted,
        watch.stop,
        may_go_on=watch.may_go_on,
        recovered=watch.recovered,
    )
