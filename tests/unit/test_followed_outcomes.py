"""Outcomes in an output folder come into the store, and go from it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from flink_job.kafka_client.topics import Topics
from flink_job.queries.follow import Follower
from flink_job.stores.changelog_view import ChangelogView, folder_records
from flink_job.stores.sqlite import SqliteStore
from operators.contracts.outcomes import CohortOutcomes, DayOutcomes, OutcomeRecord
from operators.contracts.records import encode

HOUR_US: Final = 3_600_000_000
DAY: Final = DayOutcomes("Buyers", "s1", "2026-11-27", version=1, entries=3)
COHORT: Final = CohortOutcomes("Buyers", "s1", "2026-11-23", version=1)


def test_a_folder_is_followed_and_its_view_says_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "outcomes"
    folder.mkdir()
    view = ChangelogView(tuple, tuple, lambda: folder_records(tmp_path, "outcomes"))
    with closing(SqliteStore(tmp_path / "store.db", HOUR_US)) as store:
        follower = Follower(tmp_path, Topics(outcomes="outcomes"), store)

        def write(name: str, *told: OutcomeRecord) -> list[OutcomeRecord]:
            (folder / name).write_bytes(b"".join(encode(each) + b"\n" for each in told))
            follower.apply()
            found = sorted(store.outcomes(), key=encode)
            assert found == sorted(view.outcomes(), key=encode)
            return found

        later = msgspec.structs.replace(DAY, version=2, entries=4)
        assert write("part-0", DAY, COHORT) == [COHORT, DAY]
        assert write("part-1", later) == [COHORT, later]
        gone = DayOutcomes("Buyers", "s1", "2026-11-27", version=3, gone=True)
        assert write("part-2", gone) == [COHORT]


def test_who_measures_nothing_follows_no_folder_of_outcomes(tmp_path: Path) -> None:
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "part-0").write_bytes(encode(DAY))
    with closing(SqliteStore(tmp_path / "store.db", HOUR_US)) as store:
        assert Follower(tmp_path, Topics(), store).apply() == 0
