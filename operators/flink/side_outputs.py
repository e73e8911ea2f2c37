"""Side outputs of timers, which PyFlink forgets about where an operator has broadcast state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Sort = Callable[[Any], Any]

_SORT: Final = "process_func"  # PyFlink's own, which sends what has a tag to its side output


def send_from_timers() -> None:
    """Let timers of operators that are made from now on in this JVM have side outputs, too.

    PyFlink 2.3 passes what `on_timer` of a KeyedBroadcastProcessFunction yields to its main output,
    tag and all, and fails there. Whoever has such a function calls this as it is unpickled: that
    is just before PyFlink makes the operation of it.
    """
    # Only in the JVM can it be imported.
    from pyflink.fn_execution.datastream.embedded import operations  # noqa: PLC0415

    made = operations.TwoInputOperation
    if getattr(made, "sorted", False):
        return

    class Sorted(made):  # type: ignore[valid-type, misc]
        """An operation of two inputs whose timers are sorted as its elements are."""

        sorted = True

        def __init__(
            self, open_: Sort, close: Sort, first: Sort, second: Sort, on_timer: Sort | None = None
        ) -> None:
            super().__init__(open_, close, first, second, with_side_outputs(first, on_timer))

    operations.TwoInputOperation = Sorted


def with_side_outputs(element: Sort, on_timer: Sort | None) -> Sort | None:
    """What a timer yields, sorted as what comes of an element is, unless it is already."""
    if on_timer is None or _SORT in on_timer.__code__.co_freevars:
        return on_timer
    at = element.__code__.co_freevars.index(_SORT)
    sort = (element.__closure__ or ())[at].cell_contents
    return lambda timestamp: sort(on_timer(timestamp))
