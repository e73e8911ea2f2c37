"""A defined job as Flink will run it: its operators, before it is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyflink.datastream import StreamExecutionEnvironment

from operators.base.errors import JobError


@dataclass(frozen=True)
class Operator:
    """One operator: the id by which it finds its state again, its name and its Java class."""

    uid: str | None
    name: str
    kind: str


def operators(environment: StreamExecutionEnvironment) -> list[Operator]:
    """The operators of the job that is defined in an environment, upstream first."""
    nodes = list(_each(environment._generate_stream_graph(False).getStreamNodes()))
    nodes.sort(key=lambda node: int(node.getId()))
    return [
        Operator(node.getTransformationUID(), node.getOperatorName(), _kind(node)) for node in nodes
    ]


def check_thread_mode(environment: StreamExecutionEnvironment) -> None:
    """Make sure that all Python runs inside the JVM's threads.

    PyFlink falls back to a process of its own for what thread mode can't do, which is ten
    times as slow, and a job that mixes both has been seen to hang.

    Raises:
        JobError: an operator would run in a process.
    """
    apart = [op.name for op in operators(environment) if op.kind.startswith("ExternalPython")]
    if apart:
        raise JobError(f"expected all Python in thread mode, found a process for {apart}")


def _kind(node: Any) -> str:
    factory = node.getOperatorFactory()
    if factory is None:
        return ""
    name = str(factory.getClass().getSimpleName())
    if name.startswith("Simple"):
        return str(factory.getOperator().getClass().getSimpleName())
    return name


def _each(collection: Any) -> Iterator[Any]:
    iterator = collection.iterator()
    while iterator.hasNext():
        yield iterator.next()
