"""Detached processes are followed by a lock, so that nobody else is ever ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flink_job.stack import processes
from tests.patience import PATIENCE_S


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pid"
    yield path
    processes.stop(path, 0.0)


def start(pid_file: Path, script: str) -> int | None:
    return processes.start(
        [sys.executable, "-c", script], pid_file, pid_file.with_name("log"), os.environ
    )


def wait_for_log(pid_file: Path, text: str) -> None:
    log = pid_file.with_name("log")
    assert processes.wait_until(lambda: text in log.read_text(), PATIENCE_S)


def test_a_started_process_runs_until_it_is_stopped(pid_file: Path) -> None:
    pid = start(pid_file, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    assert pid is not None
    wait_for_log(pid_file, f"{pid}\n")
    assert processes.running(pid_file) == pid
    assert processes.stop(pid_file, PATIENCE_S)
    assert processes.running(pid_file) is None
    assert not processes.stop(pid_file, PATIENCE_S)


def test_a_process_outlives_the_program_that_started_it(pid_file: Path, tmp_path: Path) -> None:
    starter = (
        "import os, sys; from pathlib import Path; from flink_job.stack import processes; "
        "processes.start(['sleep', '600'], Path(sys.argv[1]), Path(sys.argv[2]), os.environ)"
    )
    subprocess.run(
        [sys.executable, "-c", starter, pid_file, tmp_path / "log"],
        check=True,
        cwd=Path(processes.__file__).parents[2],
    )
    assert processes.running(pid_file) is not None
    assert processes.stop(pid_file, PATIENCE_S)


def test_a_process_that_ignores_term_is_killed(pid_file: Path) -> None:
    start(
        pid_file,
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(600)",
    )
    wait_for_log(pid_file, "deaf")
    assert processes.stop(pid_file, 0.2)
    assert processes.running(pid_file) is None


def test_a_process_that_ends_by_itself_is_not_running(pid_file: Path) -> None:
    start(pid_file, "print('done')")
    assert processes.wait_until(lambda: processes.running(pid_file) is None, PATIENCE_S)
    wait_for_log(pid_file, "done")


def test_a_pid_that_now_belongs_to_somebody_else_is_left_alone(pid_file: Path) -> None:
    start(pid_file, "pass")
    assert processes.wait_until(lambda: processes.running(pid_file) is None, PATIENCE_S)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            pid_file.write_text(f"{stranger.pid}\n")
            assert processes.running(pid_file) is None
            assert not processes.stop(pid_file, PATIENCE_S)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_the_child_gets_the_environment_and_folder_it_is_given(pid_file: Path) -> None:
    script = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'), os.getcwd())"
    log = pid_file.with_name("log")
    processes.start([sys.executable, "-c", script], pid_file, log, {"ONLY": "this"})
    wait_for_log(pid_file, "\n")
    names, folder = log.read_text().split("] ")
    assert "'ONLY'" in names
    assert "'HOME'" not in names
    assert Path(folder.strip()) == pid_file.parent.resolve()


def test_waiting_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _s: None)
    assert not processes.wait_until(lambda: False, 0.0)
    assert processes.wait_until(lambda: True, 0.0)
