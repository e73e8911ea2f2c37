"""Secrets stand in files that only their owner reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flink_job.stack.secret_files import kept_password, write_secret


@pytest.fixture(autouse=True)
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_password_is_generated_once_and_kept(tmp_path: Path) -> None:
    first, second = (tmp_path / "first", tmp_path / "second")
    assert kept_password(first) == kept_password(first)
    assert kept_password(first) != kept_password(second)
    assert len(kept_password(first)) >= 32


def test_only_the_owner_may_read_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("open to all")
    path.chmod(0o666)
    write_secret(path, "hidden")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "hidden"
    assert list(tmp_path.iterdir()) == [path]
