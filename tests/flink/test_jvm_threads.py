"""Whatever other threads ask of the JVM, a thread of ours goes on in one of its own there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pyflink.java_gateway import get_gateway

from tests.flink.minicluster import start_java

pytestmark = pytest.mark.flink


def java_thread() -> int:
    return int(get_gateway().jvm.java.lang.Thread.currentThread().getId())


def test_a_thread_keeps_to_one_of_the_jvm_while_others_call_it(tmp_path: Path) -> None:
    start_java(tmp_path)
    mine, others = java_thread(), set[int]()
    entered, may_end = threading.Event(), threading.Event()

    def call() -> None:
        # Objects are let go in whatever thread collects them, so also while another calls.
        for _ in range(20):
            others.add(java_thread())
        entered.set()
        may_end.wait()
        others.add(java_thread())

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    entered.wait()
    seen = {java_thread() for _ in range(20)}
    may_end.set()
    for thread in threads:
        thread.join()
    seen |= {java_thread() for _ in range(20)}
    assert seen == {mine}
    assert mine not in others
    assert len(others) == len(threads)
