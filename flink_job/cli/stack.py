"""`flockwise stack`: a real Kafka and a real Cassandra on this machine."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flink_job import stack
from flink_job.cli.steps import steps
from flink_job.stack import PARTS, PartStatus, Stack
from flink_job.stack.ports import Part

app = typer.Typer(
    help="A real Kafka broker and a real Cassandra node, as native processes on this machine.",
    no_args_is_help=True,
    add_completion=False,
)


class _Only(StrEnum):
    KAFKA = "kafka"
    CASSANDRA = "cassandra"


_Folder = Annotated[
    Path, typer.Option("--dir", help="Folder of the stack's data, logs and passwords.")
]
_OnlyOption = Annotated[_Only | None, typer.Option("--only", help="Just this part.")]
_Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Port on 127.0.0.1; a free one if not given, then kept."),
]

_FOLDER = Path(".flockwise/stack")


@app.command()
def up(
    folder: _Folder = _FOLDER,
    kafka_port: _Port = None,
    cassandra_port: _Port = None,
    only: _OnlyOption = None,
) -> None:
    """Start what does not run yet and wait until it answers; data and ports are kept."""
    with steps(Console(stderr=True)) as progress:
        started = stack.up(folder, kafka_port, cassandra_port, _parts(only), progress)
    _show(Console(), started, stack.status(folder))


@app.command()
def down(folder: _Folder = _FOLDER, only: _OnlyOption = None) -> None:
    """End what `up` started, and nothing else; the data stays."""
    with steps(Console(stderr=True)) as progress:
        ended = stack.down(folder, _parts(only), progress)
    Console().print(f"Ended {' and '.join(ended)}." if ended else "Nothing was running.")


@app.command()
def status(
    folder: _Folder = _FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what runs, where, and how to load addresses and password into a shell."""
    found, parts = stack.find(folder), stack.status(folder)
    if as_json:
        typer.echo(msgspec.json.encode(_report(found, parts), enc_hook=str).decode())
    else:
        _show(Console(), found, parts)


@app.command()
def keyspace(
    name: Annotated[str, typer.Argument(help="Its name: letters, digits and _.")],
    folder: _Folder = _FOLDER,
) -> None:
    """Make another keyspace in Cassandra, with its tables: a store belongs to one job."""
    stack.keyspace(folder, name)
    typer.echo(f"Keyspace '{name}' is there:  keyspace: {name}")


def _parts(only: _Only | None) -> tuple[Part, ...]:
    return tuple(part for part in PARTS if only is None or part == only.value)


def _report(found: Stack, parts: tuple[PartStatus, ...]) -> dict[str, object]:
    return {"folder": str(found.folder), "env": str(found.env_file), "parts": parts}


def _show(console: Console, found: Stack, parts: tuple[PartStatus, ...]) -> None:
    table = Table("part", "address", "state", "pid", "data", box=None)
    for part in parts:
        state = "up" if part.up else "down" if part.pid is None else "does not answer"
        table.add_row(part.part, part.address, state, str(part.pid or ""), escape(str(part.data)))
    console.print(table)
    typer.echo(f"\nAddresses and password:  source {_quoted(found.env_file)}")
    if found.cassandra:
        file = _quoted(found.cassandra.password_file)
        typer.echo(f"The password alone:      export CASSANDRA_PASSWORD=$(cat {file})")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
