"""Shows on the terminal what long work is doing, one line a step, with its seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Display
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from flink_job.runtime.progress import OnStep


@contextmanager
def steps(console: Console) -> Iterator[OnStep]:
    """A `OnStep` that shows each step; a step is done when the next begins or all end."""
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"))
    with Display(*columns, TimeElapsedColumn(), console=console) as display:

        def finish() -> None:
            for task in display.tasks:
                if not task.finished:
                    display.update(task.id, total=1, completed=1)

        def begin(step: str) -> None:
            finish()
            display.add_task(step, total=None)

        yield begin
        finish()
