"""A process is known by more than its pid: another that has it now is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import msgspec
import pytest

from flink_job.runtime.process_identity import ProcessIdentity, _boot, _started


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def identity(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    return ProcessIdentity(process.pid, _started(process.pid) or 0, _boot())


def test_this_process_is_alive() -> None:
    own = ProcessIdentity.own()
    assert own.pid == os.getpid()
    assert own.alive()
    assert own == ProcessIdentity.own()


def test_a_process_is_interrupted(sleeper: subprocess.Popen[bytes]) -> None:
    known = identity(sleeper)
    assert known.alive()
    assert known.interrupt()
    assert sleeper.wait() == -signal.SIGINT
    assert not known.alive()
    assert not known.interrupt()


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another run of the machine"}])
def test_who_has_the_pid_now_is_never_signalled(
    sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    before = msgspec.structs.replace(identity(sleeper), **change)
    assert not before.alive()
    assert not before.interrupt()
    assert sleeper.poll() is None


def test_one_that_has_ended_and_is_not_waited_for_is_gone() -> None:
    process = subprocess.Popen(["true"])
    known = identity(process)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not known.alive()
    process.wait()
