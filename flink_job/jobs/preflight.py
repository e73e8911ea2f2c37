"""Is everything there that a run needs? Asked before Flink starts, answered within seconds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile

from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.topics import make_topics
from flink_job.plan import Plan
from flink_job.runtime.progress import OnStep
from flink_job.stack.jars import ensure_jars
from flink_job.staging.files import expanded
from flink_job.stores.owning import own
from operators.base.errors import PreflightError, UsageError, nearest


def connector_jars(plan: Plan, progress: OnStep) -> Sequence[Path]:
    """The jars that the job needs beside Flink's own.

    Raises:
        PreflightError: they are not there and can't be fetched.
    """
    config = plan.config
    if config.source.kafka is None and config.output.kafka is None:
        return ()
    return sorted(ensure_jars(["flink"], progress=progress)["flink"].glob("*.jar"))


def check(plan: Plan) -> None:
    """Make sure that Kafka, its topics and the store are there; make the topics of the output.

    Raises:
        PreflightError: something is not, and what to do.
        UsageError: an environment variable is not set, or a file of the source is not there.
    """
    _check_input(plan)
    _check_output(plan)
    open_store = plan.store()
    if open_store is not None:
        with closing(open_store()) as store:
            store.check(outcomes=plan.config.outcomes is not None)


def own_store(plan: Plan, *, take: bool) -> None:
    """Make the store the plan's, whose job must hold its lease; with `take` whoever has it.

    Raises:
        UsageError: it is another job's.
        PreflightError: Kafka does not answer.
        StoreError: the store does not answer.
    """
    open_store = plan.store()
    if open_store is not None:
        with closing(open_store()) as store:
            own(store, plan.store_owner(), take=take)


def _check_input(plan: Plan) -> None:
    files, source, broker = plan.paths.files(), plan.config.source.kafka, plan.kafka.input_broker()
    for each in (files, plan.paths.roster()):
        if each is not None:
            expanded(each.paths)
    if source is not None and broker is not None:
        known = kafka.topics(broker)
        for topic in (source.topic, plan.config.roster_topic):
            if topic is not None and topic not in known:
                hint = nearest(topic, sorted(known)) or "; make it, or load a file into it"
                raise PreflightError(f"Kafka at {broker.bootstrap} has no topic '{topic}'{hint}")


def _check_output(plan: Plan) -> None:
    broker, folder = plan.kafka.output_broker(), plan.paths.output_folder()
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UsageError(
                f"output.folder: {folder} can't be written: {error.strerror}"
            ) from error
    if broker is not None:
        make_topics(broker, plan.kafka.topics(), steered=plan.steered)
