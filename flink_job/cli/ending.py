"""How a command line ends: an error is a line, never a traceback."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.markup import escape

from flink_job.runtime.stopping import end_at_signals
from operators.base.errors import FlockwiseError


def run_to_end(app: typer.Typer) -> None:
    """Run a command line.

    Exit codes: 0 good, 1 the job or something it needs failed, 2 the user's input is wrong, 128
    and its number for a signal.
    """
    end_at_signals()
    # Libraries log with tracebacks what they raise as well; what is to be said, we say.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app()
    except FlockwiseError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]✗[/] {escape(str(error))}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
