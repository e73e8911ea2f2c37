"""Who is held out and who is listed, among many users."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from operators.pages.layout import Field, Layout
from operators.pages.table import UserTable
from operators.rules.holdouts import Holdouts, JudgedUsers, Roll

USERS = 100_000
NAMES = ("Trial", "Trial 2", "VIP", "vip", "Trial", "")
SHARES = (0.1, 0.1, 0.5, 0.01, 0.3, 0.9)


@pytest.fixture(scope="module", params=["shopper-{:05}", "{}", "{:064b}"])
def users(request: pytest.FixtureRequest) -> JudgedUsers:
    """Users whose names hardly differ, as a lane's table holds them."""
    table = UserTable(Layout([Field("a", "i8")]))
    rows = table.rows_of([request.param.format(number) for number in range(USERS)])
    return JudgedUsers(table.users, table.hashes, rows)


def test_shares_are_as_they_are_asked_for(users: JudgedUsers) -> None:
    held = Holdouts(NAMES, SHARES).held_out(users)
    for found, share in zip(held.mean(axis=1), SHARES, strict=True):
        assert abs(found - share) < 5 * sqrt(share * (1 - share) / USERS)


def test_one_segment_says_nothing_about_another(users: JudgedUsers) -> None:
    held = Holdouts(NAMES, SHARES).held_out(users)
    for one, other in [(0, 1), (0, 2), (1, 2), (2, 3), (2, 5), (3, 4)]:
        expected = SHARES[one] * SHARES[other]
        both = (held[one] & held[other]).mean()
        assert abs(both - expected) < 5 * sqrt(expected * (1 - expected) / USERS)


def test_whoever_is_held_out_stays_so_when_the_share_grows(users: JudgedUsers) -> None:
    held = Holdouts(NAMES, SHARES).held_out(users)
    assert not np.any(held[0] & ~held[4])


def test_who_is_held_out_depends_on_nothing_else(users: JudgedUsers) -> None:
    """Neither on who else is judged, nor on other segments, nor on the process (golden values)."""
    some = JudgedUsers(users.users, users.hashes, users.rows[[70_001, 5, 99_999]])
    held = Holdouts(NAMES, SHARES).held_out(users)
    alone = Holdouts(NAMES[2:3], SHARES[2:3]).held_out(some)
    np.testing.assert_array_equal(alone[0], held[2, [70_001, 5, 99_999]])


def test_who_is_held_out_is_the_same_for_ever() -> None:
    """An experiment goes on through every release: these were read off, and must not change."""
    table = UserTable(Layout([Field("a", "i8")]))
    rows = table.rows_of([f"shopper-{number:05}" for number in range(40)])
    held = Holdouts(["Trial"], [0.2]).held_out(JudgedUsers(table.users, table.hashes, rows))
    assert np.flatnonzero(held[0]).tolist() == [16, 18, 24, 26, 34]


def test_listed_users_are_found_among_many(users: JudgedUsers) -> None:
    lists = [
        frozenset(users.users[at] for at in (3, 77_000)),
        frozenset({"nobody", users.users[3]}),
        frozenset({"nobody else"}),
    ]
    listed = Roll(lists).listed(users)
    assert [np.flatnonzero(row).tolist() for row in listed] == [[3, 77_000], [3], []]


def test_users_of_equal_hashes_are_told_apart() -> None:
    first, second = "plumless", "buckeroo"  # CRC-32 of both is 4ddb0c25
    table = UserTable(Layout([Field("a", "i8")]))
    rows = table.rows_of([first, second])
    assert table.hashes[0] == table.hashes[1]
    listed = Roll([frozenset({second})]).listed(JudgedUsers(table.users, table.hashes, rows))
    assert listed.tolist() == [[False, True]]
