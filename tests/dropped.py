"""A plugin of pytest: no table has memory for rows but a batch's own (`-p tests.dropped`).

Between two batches of a lane all rows leave memory, and some come back with the next.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from operators.base.arrays import Rows
from operators.features import profiles
from operators.membership import members
from operators.pages import stored, table
from operators.pages.layout import Field, Layout
from operators.pages.memory import Budget
from operators.pages.table import UserTable

_NO_SETS: Final[Mapping[str, str]] = {}
_FIRST: Final = np.zeros(1, np.int64)
_FOLDER: Final = tempfile.TemporaryDirectory()
_NONE: Final = Budget(1, Path(_FOLDER.name))
_OTHERS: Final = UserTable(Layout([Field("a", "i8")]), budget=_NONE)
_OTHERS.rows_of(["somebody"])
_loaded: list[int] = []


class Dropped(UserTable):
    """Somebody else's batch comes before each of its own."""

    def __init__(
        self, layout: Layout, sets: Mapping[str, str] = _NO_SETS, budget: Budget | None = None
    ) -> None:
        super().__init__(layout, sets, budget or _NONE)

    def touch(self, rows: Rows) -> None:
        _OTHERS.touch(_FIRST)
        super().touch(rows)
        _loaded.append(self.held().loaded)


def pytest_configure() -> None:
    """Before tests are imported, which take the class from these modules."""
    for module in (profiles, members, stored, table):
        module.UserTable = Dropped  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if all has been in memory all the same."""
    if not any(_loaded):
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
