"""Who holds the folder of a run, and where its Flink answers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from flink_job.runtime.process_identity import ProcessIdentity
from flink_job.runtime.run_folder import Holder, RestNote, RunFolder
from operators.base.errors import UsageError


def test_a_folder_that_is_held_says_by_whom_and_where_flink_is(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "state")
    assert folder.holder() is None
    with folder.locked():
        holder = folder.holder()
        assert holder is not None
        assert holder.process.pid == os.getpid()
        assert folder.rest() is None
        folder.note_rest("127.0.0.1", 4711)
        assert folder.rest() == RestNote(holder.process, "127.0.0.1", 4711)
        with pytest.raises(UsageError, match="another run is at work"), folder.locked():
            pass
        assert folder.holder() == holder, "who was refused changes nothing"
    assert folder.holder() is None
    assert folder.rest() is None


@pytest.mark.parametrize("noted", [b"", b"{", b"[]", b'{"process": 1}'])
def test_what_can_not_be_read_is_nobody(tmp_path: Path, noted: bytes) -> None:
    (tmp_path / "lock").write_bytes(noted)
    assert RunFolder(tmp_path).holder() is None


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    dead = ProcessIdentity(os.getpid(), 1, ProcessIdentity.own().boot)
    (tmp_path / "lock").write_bytes(msgspec.json.encode(Holder(dead, "2026-01-31T12:00:00Z")))
    folder = RunFolder(tmp_path)
    folder.note_rest("127.0.0.1", 4711)
    assert folder.holder() is None
    with folder.locked():
        holder = folder.holder()
        assert holder is not None
        assert holder.process == ProcessIdentity.own()
