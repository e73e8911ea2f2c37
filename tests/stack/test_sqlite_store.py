"""What a SQLite store promises beyond the common suite: files once, whole, and for many readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flink_job.stores.sqlite import SqliteStore
from operators.base.errors import PreflightError, StoreError
from operators.contracts.outcomes import DayOutcomes
from operators.contracts.records import Tombstone
from tests.stack.histories import assignment, enter

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path, keep_transitions_us=HOUR_US)
    yield opened
    opened.close()


def test_a_file_of_the_changelog_is_applied_once(store: SqliteStore) -> None:
    assert store.apply_file("part-0", [assignment("ann", 1, ["bots"])], [enter("ann", "bots", 1)])
    assert not store.apply_file("part-0", [assignment("bob", 1, ["bots"])], [])
    assert store.lookup("bob") is None
    assert store.apply_file("part-1", [assignment("bob", 1, ["bots"])], [])
    assert [member.user for member in store.members("bots")] == ["ann", "bob"]


def test_a_file_that_fails_half_way_leaves_nothing_and_may_come_again(store: SqliteStore) -> None:
    broken = assignment("bob", 2, ["bots"])
    unwritable = enter("ann", "bots", 2**70)
    with pytest.raises(OverflowError):
        store.apply_file("part-0", [assignment("ann", 1, ["bots"]), broken], [unwritable])
    store.apply([], [])
    assert store.lookup("ann") is None
    assert list(store.members("bots")) == []
    assert store.apply_file("part-0", [broken], [])
    assert store.lookup("bob") == broken


def test_what_was_applied_outlives_the_connection(store: SqliteStore, path: Path) -> None:
    store.apply_file("part-0", [assignment("ann", 1, ["bots"])], [])
    store.close()
    again = SqliteStore(path, HOUR_US)
    assert again.lookup("ann") == assignment("ann", 1, ["bots"])
    assert not again.apply_file("part-0", [], [])
    again.close()


def test_another_process_reads_what_is_committed_and_no_more(
    store: SqliteStore, path: Path
) -> None:
    store.apply([assignment("ann", 1, ["bots"])], [])
    reader = SqliteStore(path, HOUR_US)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM assignments")
    assert reader.lookup("ann") == assignment("ann", 1, ["bots"])
    writer.execute("COMMIT")
    assert reader.lookup("ann") is None
    writer.close()
    reader.close()


def test_a_store_that_somebody_locks_fails_and_recovers(store: SqliteStore, path: Path) -> None:
    store.check()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"store\.db.*locked"):
        store.apply([assignment("ann", 1, [])], [])
    other.execute("ROLLBACK")
    other.close()
    store.apply([assignment("ann", 1, [])], [])
    assert store.lookup("ann") is not None


def test_reading_a_store_that_is_not_there_makes_none(store: SqliteStore, path: Path) -> None:
    for question in (
        lambda: store.lookup("ann"),
        lambda: list(store.members("bots")),
        lambda: store.transitions("ann", 1),
        lambda: list(store.assignments()),
        lambda: list(store.outcomes()),
    ):
        with pytest.raises(StoreError, match=r"no store at .*store\.db yet"):
            question()
    assert not path.exists()


def test_a_file_of_something_else_is_left_alone(store: SqliteStore, path: Path) -> None:
    path.write_text("dear diary, " * 500)
    with pytest.raises(PreflightError, match="not a database"):
        store.check()
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE diary (day)")
    other.commit()
    other.close()
    with pytest.raises(PreflightError, match=r"no store of this flockwise.*another path"):
        store.check()
    with pytest.raises(StoreError, match="no store of this flockwise"):
        store.lookup("ann")


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match="can't be used"):
        SqliteStore(tmp_path / "file" / "store.db", HOUR_US).check()


def test_old_transitions_go(store: SqliteStore) -> None:
    store.apply([], [enter("ann", "bots", DAY_US)])
    store.apply([], [enter("ann", "bots", DAY_US + HOUR_US)])
    assert len(store.transitions("ann", 10)) == 2
    store.apply([], [enter("bob", "bots", DAY_US + HOUR_US + 1)])
    assert [kept.version for kept in store.transitions("ann", 10)] == [DAY_US + HOUR_US]


def test_the_memory_of_the_forgotten_goes_after_ten_days(store: SqliteStore, path: Path) -> None:
    store.apply([Tombstone("ann", DAY_US)], [])
    store.apply([assignment("bob", 11 * DAY_US, [])], [])
    assert rows(path, "forgotten") == 1
    store.apply([assignment("bob", 11 * DAY_US + 1, [])], [])
    assert rows(path, "forgotten") == 0


def test_nothing_in_the_file_names_a_forgotten_user(store: SqliteStore, path: Path) -> None:
    store.apply([assignment("conspicuous", 1, ["bots"])], [enter("conspicuous", "bots", 1)])
    store.close()
    assert b"conspicuous" in path.read_bytes()
    store.apply([Tombstone("conspicuous", 2)], [])
    store.close()
    assert not path.with_name("store.db-wal").exists()
    assert b"conspicuous" not in path.read_bytes()


def test_a_file_of_before_takes_outcomes_once_it_is_written(store: SqliteStore, path: Path) -> None:
    store.apply([assignment("ann", 1, ["bots"])], [])
    store.close()
    of_before = sqlite3.connect(path)
    for table in ("outcomes", "outcomes_gone"):
        of_before.execute(f"DROP TABLE {table}")
    of_before.close()
    assert list(store.outcomes()) == []
    day = DayOutcomes("bots", "s1", "2026-11-27", version=2, entries=3)
    assert store.apply_file("part-0", [], [], [day])
    assert list(store.outcomes()) == [day]
    assert store.lookup("ann") == assignment("ann", 1, ["bots"])
    store.empty()
    assert list(store.outcomes()) == list(store.assignments()) == []


def test_outcomes_are_there_for_whoever_knows_sql(store: SqliteStore, path: Path) -> None:
    days = [DayOutcomes("bots", "s1", f"2026-11-{day}", version=1, entries=day) for day in (27, 28)]
    store.apply([], [], [*days, DayOutcomes("4", "s1", "2026-11-27", model="all", version=1)])
    database = sqlite3.connect(path)
    found = database.execute(
        "SELECT day, record ->> 'entries' FROM outcomes "
        "WHERE kind = 'day' AND model = '' AND name = 'bots' ORDER BY day"
    ).fetchall()
    database.close()
    assert found == [("2026-11-27", 27), ("2026-11-28", 28)]


def test_the_memory_of_days_that_are_gone_goes_after_ten_days(
    store: SqliteStore, path: Path
) -> None:
    gone = DayOutcomes("bots", "s1", "2025-01-01", version=DAY_US, gone=True)
    store.apply([], [], [gone])
    day = DayOutcomes("bots", "s1", "2026-11-27", version=11 * DAY_US)
    store.apply([], [], [day])
    assert rows(path, "outcomes_gone") == 1
    store.apply([assignment("bob", 11 * DAY_US + 1, [])], [])
    assert rows(path, "outcomes_gone") == 0
    assert list(store.outcomes()) == [day]


def rows(path: Path, table: str) -> int:
    database = sqlite3.connect(path)
    count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    database.close()
    return int(count)
