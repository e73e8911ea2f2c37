"""A Flink mini-cluster in the JVM of this process that takes job after job."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from pyflink.common import Configuration
from pyflink.java_gateway import get_gateway

from flink_job.runtime.environment import Flink, prepare_process
from flink_job.runtime.rest import FlinkRest
from flink_job.stack.jars import jars_folder, jars_present
from tests.patience import until

SLOTS: Final = 4  # of one TaskManager: one JVM has one Python, whose jobs are to come one by one

OWN: Final = {
    "rest.address": "localhost",
    "rest.port": "0",
    "taskmanager.memory.managed.size": f"{SLOTS * 256}m",  # each slot has what a run's own has
    # A machine that has much to do answers late.
    "pekko.ask.timeout": "10 min",
    "web.timeout": "600000",
    "heartbeat.timeout": "600000",
}


def start_java(logs: Path) -> None:
    """See to the JVM of this process, which can run every job.

    Connectors that are there are on its class path, as in `flockwise run`: so they come out of its
    class archive, once, and are not loaded anew for each job.
    """
    there = jars_present("flink")
    prepare_process(logs, sorted(jars_folder("flink").glob("*.jar")) if there else ())


@cache
def rest_address() -> tuple[str, int]:
    """Host and port of its REST interface; it starts when it is first asked for."""
    # Where nothing else is said, it has the settings of a run that has a cluster of its own.
    settings = Flink(checkpoints=Path.cwd().as_uri(), checkpoint_ms=1_000).settings()
    configuration = Configuration()
    for name, value in {**settings, **OWN}.items():
        configuration.set_string(name, value)
    minicluster = get_gateway().jvm.org.apache.flink.runtime.minicluster
    built = getattr(minicluster, "MiniClusterConfiguration$Builder")()
    built.setConfiguration(configuration._j_configuration)
    built.setNumTaskManagers(1).setNumSlotsPerTaskManager(SLOTS)
    cluster = minicluster.MiniCluster(built.build())
    cluster.start()
    address = cluster.getRestAddress().get()
    return str(address.getHost()), int(address.getPort())


def end_jobs() -> None:
    """Cancel what is at work there: whoever comes next needs the slots."""
    rest = FlinkRest(*rest_address())
    for job in rest.jobs():
        if not job.over:
            rest.cancel(job.id)
    until(lambda: all(job.over for job in rest.jobs()), "the jobs to be cancelled")
