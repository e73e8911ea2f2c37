"""What segments are worth on a mini-cluster: as the oracle counts, whatever lanes there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from operators.base.moments import iso_at
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers
from tests.oracle import SECOND
from tests.outcomes_oracle import MEMBERS, OTHERS, Move
from tests.property.outcome_cases import PLAIN_OUTCOMES, check, expected
from tests.property.replay_cases import CHOSEN, SEGMENTS, micros

pytestmark = pytest.mark.flink


@pytest.mark.parametrize(
    ("parallelism", "lanes", "batch"), [(1, 4, "500ms"), (2, 16, "700ms"), (4, 8, "300ms")]
)
def test_a_file_comes_to_what_the_oracle_counts(
    tmp_path: Path, parallelism: int, lanes: int, batch: str
) -> None:
    """Some events come late, for a day that has been told of."""
    events = shoppers(seed=7, users=60, count=4_000, back_s=90_000)
    write_events(tmp_path / "events.jsonl", events)
    as_of = iso_at(max(event.time for event in events) + 3_600 * SECOND)
    run_spec = {"lanes": lanes, "parallelism": parallelism, "batch": batch, "as_of": as_of}
    config = config_of(
        CHOSEN, SEGMENTS, run={"state": "state", **run_spec}, outcomes=PLAIN_OUTCOMES
    )
    run = run_job(tmp_path, config)
    moves: dict[str, list[Move]] = {}
    for each in run.transitions():
        to = MEMBERS if each.kind == "enter" else OTHERS
        moves.setdefault(each.user, []).append(Move(micros(each.at), each.segment, to))
    for own in moves.values():
        own.sort(key=lambda move: move.at)
    found = run.outcomes()
    check(found, expected(events, moves, list(SEGMENTS), "day"))
    of = ("name", "series", "day", "cohort", "stratum")
    keys = {(type(each), *(getattr(each, name, None) for name in of)) for each in found}
    assert len(keys) == len(found)  # one record a segment and day, or cohort
