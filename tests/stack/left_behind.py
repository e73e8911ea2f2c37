"""Tests that never end, which test_guardian.py breaks off: pytest finds them only by this name."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.session import is_worker

pytestmark = pytest.mark.stack


def test_of_servers_and_processes_in_the_midst_of_its_work(kafka: str) -> None:
    detached = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    (Path(tempfile.mkdtemp()) / "file").touch()
    assert is_worker()
    (Path(os.environ["AT_WORK"]) / str(detached.pid)).touch()
    time.sleep(3_600)
