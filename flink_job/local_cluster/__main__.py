"""`python -m flink_job.local_cluster`, which deploy/flink/local-cluster runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flink_job import local_cluster as cluster
from flink_job.cli.ending import run_to_end
from flink_job.cli.steps import steps
from flink_job.local_cluster import LocalCluster
from flink_job.local_cluster.kept import MOST_TASKMANAGERS
from operators.base.errors import JobError

app = typer.Typer(
    name="local-cluster",
    help="A Flink cluster on this machine: a JobManager, TaskManagers, and a ZooKeeper that lets "
    "jobs outlive their JobManager.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Where configuration, logs and checkpoints are.")
]


@app.command()
def start(
    folder: _Folder,
    taskmanagers: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_TASKMANAGERS, help="How many, each with a slot; 3 at first, then kept."
        ),
    ] = None,
    rest_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="A free one at first if not given, then kept."),
    ] = None,
) -> None:
    """Start what does not run yet and wait until it is up; jobs of before a stop go on.

    The environment is that of the jobs: secrets of the store have to be in it.
    """
    with steps(Console(stderr=True)) as progress:
        started = cluster.start(folder, taskmanagers, rest_port, progress)
    _show(started)


@app.command()
def stop(folder: _Folder) -> None:
    """End what `start` started, and nothing else; jobs and checkpoints are kept."""
    with steps(Console(stderr=True)) as progress:
        ended = cluster.stop(folder, progress)
    typer.echo(f"Ended {', '.join(ended)}." if ended else "Nothing was running.")


@app.command()
def status(folder: _Folder) -> None:
    """Say what runs, and where."""
    _show(cluster.find(folder))


def _show(found: LocalCluster) -> None:
    table = Table("process", "pid", "logs", box=None)
    for process in cluster.status(found.folder):
        table.add_row(process.name, str(process.pid or "down"), escape(str(process.folder)))
    Console().print(table)
    typer.echo(f"\nREST and pages:  http://{found.address} ({_answer(found)})")
    typer.echo(f"Metrics:         ports {found.kept.metrics_range}, each JVM the first free one")
    typer.echo(f"To submit here:  export FLINK_CONF_DIR={shlex.quote(str(found.conf))}")


def _answer(found: LocalCluster) -> str:
    try:
        overview = found.rest.overview()
    except JobError:
        return "does not answer"
    return f"{overview.taskmanagers} TaskManagers, {overview.free_slots} slots free"


if __name__ == "__main__":
    run_to_end(app)
