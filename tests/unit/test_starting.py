"""What `make unit` leaves out is what starts a JVM, a server, or a job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flink_job.runtime.java import java_home
from tests.starting import StartedError, starts_java


@pytest.mark.parametrize(
    "words",
    [
        ["java", "-version"],
        ["/usr/bin/java", "-cp", "x", "kafka.Kafka"],
        ["/bin/sh", "-c", "exec", "sh", "pid", "/jdk/bin/java", "-cp", "x"],
        [sys.executable, "-m", "flink_job", "run", "shop.yaml"],
        ["flockwise", "stack", "up"],
        ["/venv/bin/flockwise", "segments", "preview", "shop.yaml"],
    ],
)
def test_these_start_a_jvm(words: list[str]) -> None:
    assert starts_java(words)


@pytest.mark.parametrize(
    "words",
    [
        ["sleep", "1"],
        [sys.executable, "-c", "print('java')"],
        [sys.executable, "-m", "flink_job", "lookup", "shop.yaml", "ann"],
        [sys.executable, "-m", "flink_job", "run", "--help"],
    ],
)
def test_these_do_not(words: list[str]) -> None:
    assert not starts_java(words)


def test_a_test_without_a_marker_can_start_none() -> None:
    java = java_home(os.environ) / "bin" / "java"
    with pytest.raises(StartedError, match=r"test_starting.*has none of the markers"):
        subprocess.run([java, "-version"], check=False)
    with pytest.raises(StartedError, match="flink_job"):
        subprocess.run([sys.executable, "-m", "flink_job", "run", Path("a.yaml")], check=False)
