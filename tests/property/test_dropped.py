"""The tests of whatever reads and writes rows once more, with rows that leave memory each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("replay", "gives_the_transitions_of_the_oracle or depend_on_nothing"),
        ("forgetting", "forgets_as_the_oracle or whom_is_left or sweeps_and_previews"),
        ("watched_live", "rules_that_change_are_judged or a_last_look_is_good"),
        ("new_segments", "applied_have_the_members or sweep_goes_on or preview_counts"),
        ("new_features", "kept_features_go_on or shown_otherwise or count_on"),
        ("profiles", "restored_from_pages_and_log"),
        ("roster", "judges_a_roster_as_the_oracle"),
        ("dedup", "taken_once"),
        ("journal", "Lives"),
    ],
)
def test_with_no_memory_for_rows_all_is_as_with_it(name: str, some: str) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "tests.dropped", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*words, str(FOLDER / f"test_{name}.py"), "-k", some],
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER.parent.parent,
    )
    assert run.returncode == 0, run.stdout[-4_000:] + run.stderr[-1_000:]
    assert " passed" in run.stdout
