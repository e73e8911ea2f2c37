"""Files are there whole or not at all, whatever ends the writer, and are nobody else's to read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flink_job.runtime.atomic import move_whole, whole_file, write_whole

# Writes a file and is killed at a step of it: at a call of `os`, or in the midst of the content.
KILLED: Final = """
import os, signal, sys
from pathlib import Path
from flink_job.runtime.atomic import whole_file

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path, step = Path(sys.argv[1]), sys.argv[2]
setattr(os, step, die)
with whole_file(path, mode=0o600) as file:
    file.write(b"new" * 100_000)
    if step == "writing":
        die()
"""


class _BrokeError(Exception):
    pass


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@settings(deadline=None, max_examples=50)
@given(before=st.none() | st.binary(max_size=9), parts=st.lists(st.binary(max_size=9), max_size=4))
def test_a_file_has_the_new_content_or_the_old(
    before: bytes | None, parts: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("atomic") / "file"
    if before is not None:
        path.write_bytes(before)
    with suppress(_BrokeError), whole_file(path) as file:
        file.writelines(parts)
        raise _BrokeError
    assert list(path.parent.iterdir()) == ([] if before is None else [path])
    assert before is None or path.read_bytes() == before
    with whole_file(path, keep_empty=False) as file:
        file.writelines(parts)
    assert path.exists() == (before is not None or b"".join(parts) != b"")
    write_whole(path, b"".join(parts))
    assert path.read_bytes() == b"".join(parts)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["writing", "fsync", "replace"])
def test_a_writer_that_is_killed_leaves_the_old_file_and_nothing_in_the_way(
    tmp_path: Path, step: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    left = [each for each in tmp_path.iterdir() if each != path]
    assert [each.name for each in left] == ["file.partial"]
    assert [each.stat().st_mode & 0o777 for each in left] == [0o600]
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_may_read_from_the_first_byte_on_whatever_lies_there(tmp_path: Path) -> None:
    path, left = tmp_path / "secret", tmp_path / "secret.partial"
    for found in (path, left):
        found.write_bytes(b"open to all")
        found.chmod(0o666)
    with whole_file(path, mode=0o600) as file:
        assert left.stat().st_mode & 0o777 == 0o600
        file.write(b"hidden")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_and_its_name_are_on_disk_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[Path, bool]] = []
    path, fsync = tmp_path / "file", os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), path.exists()))

    monkeypatch.setattr(os, "fsync", noted)
    write_whole(path, b"content")
    assert synced == [(tmp_path / "file.partial", False), (tmp_path, True)]


def test_a_folder_takes_the_place_of_another_whole(tmp_path: Path) -> None:
    written, path = tmp_path / "written", tmp_path / "path"
    for folder, name in ((written / "inner", "new"), (path, "old")):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"content")
    move_whole(written, path)
    assert list(tmp_path.iterdir()) == [path]
    assert [each.relative_to(path) for each in path.rglob("new")] == [Path("inner/new")]
    assert not (path / "old").exists()
