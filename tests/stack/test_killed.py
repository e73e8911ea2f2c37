"""A live run that is killed takes its JVM, `upsert` and all temporary files with it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.flink.killing import all_gone, command_lines, kill_when
from tests.patience import until
from tests.stack.live import SQLITE, LiveShop

JUDGED: Final = {
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {"Ever": {"when": "views >= 1"}},
}

pytestmark = [pytest.mark.flink, pytest.mark.stack]


def test_killed_with_upsert_beside(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    shop = LiveShop(kafka, "killed-with-store", tmp_path, {**JUDGED, "store": SQLITE})

    def written() -> bool:
        shop.view("ann")  # again and again: by the wall clock an event must come in time
        return (tmp_path / "state" / "upsert" / "checkpoints").exists()

    with shop.running() as process:
        kill_when(written, process)
        until(lambda: all_gone(temporary), "both JVMs to be gone")
        upsert = f"upsert {shop.path}"
        until(
            lambda: not any(upsert in line.replace("\0", " ") for _, line in command_lines()),
            "`upsert` to be gone",
        )
