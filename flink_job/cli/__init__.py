"""The command line: what a person types, and how errors read."""

from __future__ import annotations

import typer

from flink_job.cli import clusters, segments, stack
from flink_job.cli.ask import export, lookup, members
from flink_job.cli.deadletters import deadletters
from flink_job.cli.demo import demo
from flink_job.cli.ending import run_to_end
from flink_job.cli.features import features
from flink_job.cli.load import load
from flink_job.cli.run import run, upsert, validate
from flink_job.cli.submit import submit

app = typer.Typer(
    name="flockwise",
    help="Puts every user into the right segments within half a second of what they do.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(stack.app, name="stack")
app.add_typer(segments.app, name="segments")
app.add_typer(clusters.app, name="clusters")
app.command()(demo)
app.command()(validate)
app.command()(features)
app.command()(run)
app.command()(upsert)
app.command()(submit)
app.command()(load)
app.command()(lookup)
app.command()(members)
app.command()(export)
app.command()(deadletters)


def main() -> None:
    """Run the command line; an error is a line, never a traceback."""
    run_to_end(app)
