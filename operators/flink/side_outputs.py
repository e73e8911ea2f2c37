"""Side outputs of timers, which PyFlink 2.3 forgets for one kind of function.

What `on_timer` of a KeyedBroadcastProcessFunction yields it hands on as it is: a side output's tag
and record, too, at which the coder of the main output fails. Here an operator gets at the side
outputs that are made for it, just before it is opened and in the same thread.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from pyflink.datastream import OutputTag

_MAKES_OPERATORS: Final = "pyflink.fn_execution.datastream.embedded.operations"

_makers: Final[list[Callable[[Any], Any]]] = []  # what PyFlink makes them by, once it is known
_made: Final[dict[int, Any]] = {}  # by thread, the newest


class TimedOutputs:
    """The side outputs of an operator, for what its timers yield; a part of it from its making."""

    def __reduce__(self) -> tuple[Callable[[], TimedOutputs], tuple[()]]:
        return _in_the_jvm, ()

    def open(self) -> None:
        """To be called when the operator opens."""
        self._outputs = _made.get(threading.get_ident())

    def sorted_out(self, values: Iterable[Any]) -> Iterator[Any]:
        """Those of the main output; the others go where they belong."""
        for value in values:
            if isinstance(value, tuple) and isinstance(value[0], OutputTag):
                assert self._outputs is not None  # a job without them yields nothing for them
                self._outputs.collect(value[0].tag_id, value[1])
            else:
                yield value


def _in_the_jvm() -> TimedOutputs:
    """PyFlink reads an operator first, and then makes its side outputs: they are noted."""
    operations: Any = sys.modules.get(_MAKES_OPERATORS)
    if operations is not None and operations.SideOutputContext is not _noted:
        _makers.append(operations.SideOutputContext)
        operations.SideOutputContext = _noted
    return TimedOutputs()


def _noted(outputs: Any) -> Any:
    made = _made[threading.get_ident()] = _makers[-1](outputs)
    return made
