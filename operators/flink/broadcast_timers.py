"""Side outputs of the timers of a keyed broadcast function, which PyFlink forgets in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def let_timers_have_side_outputs() -> None:
    """Have timers of functions with two inputs fill side outputs as their elements do.

    PyFlink takes what a keyed broadcast function yields for a timer for rows, and fails at the
    first that is for a side output; of all other functions it sorts the two. To be called when
    such an operator opens, in the JVM.
    """
    from pyflink.fn_execution.datastream.embedded import operations  # noqa: PLC0415 - there alone

    operations.TwoInputOperation.on_timer = _on_timer


def _on_timer(operation: Any, timestamp: int) -> Iterator[Any]:
    fired = operation._on_timer_func
    if fired:
        yield from _sorted(operation, fired(timestamp))


def _sorted(operation: Any, values: Iterable[Any]) -> Iterable[Any]:
    """The rows among what was yielded; the rest is collected, as for elements."""
    process = operation._process_element_func1
    at = process.__code__.co_freevars.index("process_func")
    rows: Iterable[Any] = process.__closure__[at].cell_contents(values)
    return rows
