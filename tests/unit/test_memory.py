"""Rows under a budget: they leave memory and come back, and all are as they were."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from operators.base.errors import FlockwiseError, UsageError
from operators.base.sizes import parse_size_bytes
from operators.pages.layout import Field, Layout
from operators.pages.memory import BLOCK, Budget, disk_folder
from operators.pages.table import UserTable

WIDTH = 64  # words: some hundred rows a block
ROWS_A_BLOCK = BLOCK // (8 * WIDTH)


def table(budget: Budget | None) -> UserTable:
    return UserTable(Layout([Field("numbers", "i8", WIDTH, initial=5)]), budget=budget)


def fill(some: UserTable, users: int) -> np.ndarray:
    """Give these users numbers of their own, some at a time."""
    for start in range(0, users, 50):
        rows = some.rows_of([f"user-{n}" for n in range(start, min(start + 50, users))])
        some.touch(rows)
        some.cells("numbers").put(rows, rows[:, None] * WIDTH + np.arange(WIDTH))
    return np.arange(users * WIDTH).reshape(users, WIDTH)


def resident_bytes() -> int:
    """Of this process, in memory, from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) * 1024


def test_rows_that_left_memory_are_there_again(tmp_path: Path) -> None:
    budget = Budget(4 * BLOCK, tmp_path)
    some, users = table(budget), 20 * ROWS_A_BLOCK
    expected = fill(some, users)
    assert some.held().dropped > 10
    np.testing.assert_array_equal(some.words, expected)
    some.touch(np.array([0]))
    assert some.held().loaded > 0
    assert list(tmp_path.iterdir()) == []  # the file has no name


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    budget = Budget(2**40, tmp_path)
    old, new = table(budget), table(budget)
    for each in (old, new):
        fill(each, 10 * ROWS_A_BLOCK)
    old.touch(np.array([0]))
    beside = sum(each.held().bytes % BLOCK for each in (old, new))
    budget.most_bytes = 12 * BLOCK + beside
    new.touch(np.array([1]))
    # Nine tenths are kept: what `new` has, and the one of `old` that was touched after it.
    assert 7 <= new.held().dropped + 3 <= 12
    assert old.held().dropped == 9
    old.touch(np.array([2]))
    assert old.held().loaded == 0
    old.touch(np.array([5 * ROWS_A_BLOCK]))
    assert old.held().loaded == 1


def test_memory_that_was_let_go_of_is_not_taken(tmp_path: Path) -> None:
    budget = Budget(2**40, tmp_path)
    some, users = table(budget), 1_000 * ROWS_A_BLOCK
    fill(some, users)
    assert int(some.words.max()) == users * WIDTH - 1  # all of them are in memory
    before = resident_bytes()
    budget.most_bytes = some.held().bytes // 2
    some.touch(np.array([0]))
    let_go = some.held().dropped * BLOCK
    assert let_go >= users * WIDTH * 8 // 2
    assert before - resident_bytes() > let_go * 0.8
    # Reading all is no use of them.
    for rows in some.parts():
        assert int(some.cells("numbers").take_one(rows)[-1]) == int(rows[-1]) * WIDTH
    assert before - resident_bytes() > let_go * 0.8


def test_a_budget_is_for_all_tables_and_those_that_are_gone_do_not_count(tmp_path: Path) -> None:
    budget = Budget(40 * BLOCK, tmp_path)
    gone = table(budget)
    fill(gone, 25 * ROWS_A_BLOCK)
    del gone
    some = table(budget)
    fill(some, 25 * ROWS_A_BLOCK)
    assert some.held().dropped == 0
    other = table(budget)
    fill(other, 25 * ROWS_A_BLOCK)
    assert some.held().dropped > 0
    assert some.held().bytes + other.held().bytes <= 40 * BLOCK


def test_a_full_disk_is_a_line(tmp_path: Path) -> None:
    file = Budget(1, tmp_path).file()
    with pytest.raises(FlockwiseError, match=r"rows of users \(run.memory\) need .* MiB in"):
        file.words(2**56)


def test_files_lie_on_a_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert disk_folder() == tmp_path
    if Path("/dev/shm").is_dir():
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
        assert disk_folder() != Path("/dev/shm")


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("512MB", 512 * 10**6), ("7B", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "2", "GB", "0GB", "-1GB", "2 iB", "2gb", "9999999TB", "2GB1"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="expected a size such as 512MB, 2GB or"):
        parse_size_bytes(text)
