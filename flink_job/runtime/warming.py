"""What a job will need, loaded while it is still planned: the machine has more than one core."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from py4j.protocol import Py4JError
from pyflink.java_gateway import get_gateway

# Nothing of PyFlink may come before the first.
_IMPORTS: Final = (
    "from operators.flink.beam import leave_out; leave_out()",
    "import pyflink.fn_execution.embedded.operation_utils",
    "import operators.assign, operators.learn, operators.profile",
)


def warm_interpreter() -> None:
    """Import in the interpreter inside the JVM what its operators will import.

    It is one for all that a JVM ever runs in thread mode. If anything fails here, the job will
    say it.
    """
    core = get_gateway().jvm.pemja.core
    with suppress(Py4JError):
        config = core.PythonInterpreterConfig.newBuilder()
        kind = core.PythonInterpreterConfig.ExecType.MULTI_THREAD
        interpreter = core.PythonInterpreter(
            config.setPythonExec("python").setExcType(kind).build()
        )
        try:
            for line in _IMPORTS:
                interpreter.exec(line)
        finally:
            interpreter.close()
