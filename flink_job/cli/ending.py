"""How a command line ends: an error is a line, never a traceback."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape

from operators.base.errors import FlockwiseError


def run_to_end(app: typer.Typer) -> None:
    """Run a command line.

    Exit codes: 0 good, 1 the job or something it needs failed, 2 the user's input is wrong.
    """
    try:
        app()
    except FlockwiseError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]✗[/] {escape(str(error))}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
