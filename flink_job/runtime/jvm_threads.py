"""A thread in the JVM for each thread of ours that calls it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, cast

from py4j.java_gateway import GatewayClient, GatewayConnection


class _FreeOfThread(threading.local):
    """The free connections of a thread, the last that was given back first."""

    def __init__(self) -> None:
        self._free: Final = deque[GatewayConnection]()

    def __len__(self) -> int:
        return len(self._free)

    def pop(self) -> GatewayConnection:
        return self._free.pop()

    def append(self, connection: GatewayConnection) -> None:
        self._free.append(connection)


def pair_threads(client: GatewayClient) -> None:
    """Have each thread keep to connections of its own, behind each of which is one of Java.

    py4j lends any free connection to any thread, and any thread may need one: objects of the JVM
    are let go wherever Python collects garbage. Who plans a job would then go on in another thread
    of Java, in which Flink's planner, which keeps some of what it knows in its thread, fails.
    """
    client.deque = cast("deque[GatewayConnection]", _FreeOfThread())
