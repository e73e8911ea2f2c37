"""Which attempt of a job an operator is in."""

from __future__ import annotations

from pyflink.datastream import RuntimeContext


def is_restart(runtime_context: RuntimeContext) -> bool:
    """Whether Flink has started this operator before, in the same submission."""
    # PyFlink's own `get_attempt_number` calls what Flink 2 has no more.
    told = runtime_context._runtime_context.getTaskInfo()
    return int(told.getAttemptNumber()) > 0
