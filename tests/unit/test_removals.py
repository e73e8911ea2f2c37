"""Which removals of segments are asked for, whoever has added what and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from flink_job.control import removals
from operators.base.errors import UsageError
from operators.contracts.control.messages import Segments
from operators.rules.spec import SegmentSpec

OLD, NEW = SegmentSpec(when="views > 1"), SegmentSpec(when="views > 2")


def history(*versions: dict[str, SegmentSpec]) -> list[Segments]:
    """Versions one after the other, made by ann and bob in turn."""
    return [
        Segments(number, segments, f"2026-11-25T10:00:0{number}Z", "bob" if number % 2 else "ann")
        for number, segments in enumerate(versions, 1)
    ]


def asked(
    folder: Path, versions: list[Segments], wanted: dict[str, SegmentSpec], *, remove: bool = False
) -> str:
    """What is complained of; nothing if it may be done."""
    try:
        removals.check(folder, versions, wanted, remove=remove)
    except UsageError as error:
        return str(error)
    return ""


def test_nothing_is_asked_of_whoever_removes_nothing(tmp_path: Path) -> None:
    assert not asked(tmp_path, [], {})
    assert not asked(tmp_path, history({"A": OLD}), {"A": NEW, "B": OLD})


def test_what_a_configuration_never_had_is_told_with_who_and_when(tmp_path: Path) -> None:
    versions = history({"A": OLD}, {"A": OLD, "B": OLD}, {"A": OLD, "B": NEW, "C": OLD})
    said = asked(tmp_path, versions, {"A": OLD})
    assert "'B' (changed in version 3 by bob at 2026-11-25T10:00:03Z)" in said
    assert "'C' (added in version 3 by bob at 2026-11-25T10:00:03Z)" in said
    assert "'A'" not in said
    assert not asked(tmp_path, versions, {"A": OLD}, remove=True)


def test_what_a_configuration_has_had_it_may_take_out(tmp_path: Path) -> None:
    versions = history({"A": OLD, "B": OLD})
    removals.note(tmp_path / "state", versions[0], {"A": OLD, "B": OLD})
    assert not asked(tmp_path / "state", versions, {"A": OLD})
    assert "'B'" in asked(tmp_path, versions, {"A": OLD})  # another checkout


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(({"A": OLD, "B": NEW},), id="changed since"),
        pytest.param(({"A": OLD}, {"A": OLD, "B": OLD}), id="removed and added again"),
        pytest.param(({"A": OLD, "B": NEW}, {"A": OLD, "B": OLD}), id="changed and changed back"),
    ],
)
def test_what_others_have_made_of_a_segment_since_is_asked_for(
    later: tuple[dict[str, SegmentSpec], ...], tmp_path: Path
) -> None:
    versions = history({"A": OLD, "B": OLD}, *later)
    removals.note(tmp_path, versions[0], {"A": OLD, "B": OLD})
    assert "'B' (" in asked(tmp_path, versions, {"A": OLD})


def test_others_work_beside_is_asked_for_and_ones_own_is_not(tmp_path: Path) -> None:
    versions = history({"A": OLD, "B": OLD}, {"A": OLD, "B": OLD, "C": OLD})
    removals.note(tmp_path, versions[0], {"A": OLD, "B": OLD})
    said = asked(tmp_path, versions, {"A": OLD})
    assert "'C'" in said
    assert "'B'" not in said


def test_a_version_that_says_something_else_is_not_noted(tmp_path: Path) -> None:
    """As after `apply --only`: what was held beside was never in the configuration."""
    versions = history({"A": OLD, "B": OLD})
    removals.note(tmp_path, versions[0], {"A": OLD})
    assert "'B'" in asked(tmp_path, versions, {"A": OLD})


def test_of_another_topic_nothing_is_known(tmp_path: Path) -> None:
    versions = history({"A": OLD, "B": OLD})
    removals.note(tmp_path, versions[0], {"A": OLD, "B": OLD})
    again = [Segments(1, {"A": OLD, "B": OLD}, "2026-12-01T00:00:00Z", "bob")]
    assert "'B'" in asked(tmp_path, again, {"A": OLD})


def test_a_note_that_is_none_knows_nothing(tmp_path: Path) -> None:
    versions = history({"A": OLD, "B": OLD})
    (tmp_path / "applied.json").write_text("{")
    assert "'B'" in asked(tmp_path, versions, {"A": OLD})


def test_where_nothing_can_be_noted_all_is_asked_for(tmp_path: Path) -> None:
    versions = history({"A": OLD, "B": OLD})
    (tmp_path / "file").write_text("")
    removals.note(tmp_path / "file", versions[0], {"A": OLD, "B": OLD})
    assert "'B'" in asked(tmp_path / "file", versions, {"A": OLD})


def test_of_many_the_first_are_told(tmp_path: Path) -> None:
    said = asked(tmp_path, history({f"S{at}": OLD for at in range(9)}), {})
    assert "'S4' (" in said
    assert "'S5'" not in said
    assert "and 4 more" in said
