"""A defined job as Flink will run it: its operators, a look at them, and its start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyflink.common import JobClient
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
    return _operators(environment._generate_stream_graph(False))


def start(environment: StreamExecutionEnvironment, name: str) -> JobClient:
    """Start the job that is defined in an environment, under a name in Flink.

    All its Python must run inside the JVM's threads: PyFlink falls back to a process of its own
    for what thread mode can't do, which is ten times as slow, and a job that mixes both has been
    seen to hang. It does what `execute_async` does, but looks at the graph before it goes.

    Raises:
        JobError: an operator would run in a process.
        Py4JError: Flink did not take it.
    """
    graph = environment._generate_stream_graph(clear_transformations=True, job_name=name)
    apart = [op.name for op in _operators(graph) if op.kind.startswith("ExternalPython")]
    if apart:
        raise JobError(f"expected all Python in thread mode, found a process for {apart}")
    return JobClient(environment._j_stream_execution_environment.executeAsync(graph))


def _operators(graph: Any) -> list[Operator]:
    nodes = sorted(_each(graph.getStreamNodes()), key=lambda node: int(node.getId()))
    return [
        Operator(node.getTransformationUID(), node.getOperatorName(), _kind(node)) for node in nodes
    ]


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
