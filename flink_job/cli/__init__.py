"""The command line: what a person types, and how errors read."""

from __future__ import annotations

import gc

import typer

from flink_job.cli.commands import Commands
from flink_job.cli.ending import run_to_end

app = typer.Typer(
    name="flockwise",
    cls=Commands,
    help="Puts every user into the right segments as they act, and can say why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _all_commands() -> None:  # typer makes a group only of what has commands or this
    pass


def main() -> None:
    """Run the command line; an error is a line, never a traceback."""
    gc.disable()  # until the command is imported: none of that is garbage, and looking takes time
    run_to_end(app)
