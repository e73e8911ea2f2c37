"""Beam, which PyFlink needs for Python in a process of its own, and imports in any case."""

from __future__ import annotations

import os
import sys


def leave_out() -> None:
    """Have PyFlink do without Beam, in an interpreter that has not imported it yet.

    Beam and the pandas that it brings take more than a second of every start, here and in the JVM.
    PyFlink asks of it whether it has the fast coders, and thread mode has no coders at all; and
    it starts a server, for such processes of a mini-cluster, where nothing else is said.
    """
    # Python's own word for a module that can't be imported.
    sys.modules.setdefault("apache_beam", None)  # type: ignore[arg-type]
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - so it is called
