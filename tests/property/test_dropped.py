"""The tests of whatever reads and writes rows once more: with no memory for rows but a batch's own.

Between two batches of a lane all rows leave memory, and some come back with the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pytest

from operators.base.arrays import Rows
from operators.features import profiles
from operators.membership import members
from operators.pages import stored
from operators.pages.layout import Field, Layout
from operators.pages.memory import Budget
from operators.pages.table import UserTable
from tests.property import test_journal
from tests.property.test_dedup import (
    test_each_is_taken_once_across_batches_restarts_and_compactions as test_repeats,
)
from tests.property.test_forgetting import (
    test_a_replay_in_order_forgets_as_the_oracle_does as test_forgetting,
)
from tests.property.test_forgetting import (
    test_profiles_are_those_of_whom_is_left_however_events_come as test_who_is_left,
)
from tests.property.test_forgetting import (
    test_sweeps_and_previews_see_only_who_is_left as test_sweeps_and_previews,
)
from tests.property.test_journal import TestLives
from tests.property.test_new_features import (
    test_features_that_were_kept_count_on_as_if_nothing_had_happened as test_kept_features,
)
from tests.property.test_new_features import (
    test_what_is_shown_otherwise_is_evaluated_anew_before_anyone_is_judged as test_shown_anew,
)
from tests.property.test_new_segments import (
    test_a_preview_counts_what_applying_does_and_changes_nothing as test_previews,
)
from tests.property.test_new_segments import (
    test_a_sweep_goes_on_after_a_crash as test_sweeps,
)
from tests.property.test_new_segments import (
    test_segments_that_are_applied_have_the_members_of_those_from_the_start as test_new_segments,
)
from tests.property.test_profiles import (
    test_state_restored_from_pages_and_log_goes_on_as_before as test_restores,
)
from tests.property.test_replay import (
    test_a_replay_in_order_gives_the_transitions_of_the_oracle as test_replays,
)
from tests.property.test_replay import (
    test_transitions_depend_on_nothing_but_each_users_events_in_their_order as test_order,
)
from tests.property.test_roster import (
    test_a_replay_judges_a_roster_as_the_oracle_does as test_rosters,
)
from tests.property.test_watched_live import (
    test_rules_that_change_are_judged_as_by_a_look_at_every_change as test_live,
)

__all__ = [
    "TestLives",
    "test_forgetting",
    "test_kept_features",
    "test_live",
    "test_new_segments",
    "test_order",
    "test_previews",
    "test_repeats",
    "test_replays",
    "test_restores",
    "test_rosters",
    "test_shown_anew",
    "test_sweeps",
    "test_sweeps_and_previews",
    "test_who_is_left",
]

NO_SETS: Final[Mapping[str, str]] = {}
FIRST: Final = np.zeros(1, np.int64)


@pytest.fixture(autouse=True, scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """Tables without memory; how many blocks came back, at each that did."""
    none = Budget(1, tmp_path_factory.mktemp("rows"))
    others, loaded = UserTable(Layout([Field("a", "i8")]), budget=none), list[int]()
    others.rows_of(["somebody"])

    class Dropped(UserTable):
        """Somebody else's batch comes before each of its own."""

        def __init__(
            self, layout: Layout, sets: Mapping[str, str] = NO_SETS, budget: Budget | None = None
        ) -> None:
            super().__init__(layout, sets, budget or none)

        def touch(self, rows: Rows) -> None:
            others.touch(FIRST)
            assert self.held().bytes < 64 * 1024 or not len(self)
            super().touch(rows)
            loaded.append(self.held().loaded)

    with pytest.MonkeyPatch.context() as patch:
        for module in (profiles, members, stored, test_journal):
            patch.setattr(module, "UserTable", Dropped)
        yield loaded
    assert sum(map(bool, loaded)) > 1_000
