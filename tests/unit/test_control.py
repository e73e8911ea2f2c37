"""What of the control topic is taken, and what is refused and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operators.base.errors import UsageError
from operators.base.frame import FeatureColumn, Kind
from operators.contracts.control.messages import LARGEST, Preview, Segments, encode
from operators.contracts.control.versions import HeldVersion, Versions
from operators.rules.spec import SegmentSpec

COLUMNS = {"views": FeatureColumn("views", Kind.NUMBER)}
HELD = HeldVersion(Segments(3, {"Old": SegmentSpec(when="views > 1")}), 3)
IN_A_CIRCLE = {"A": {"when": "in_segment('B')"}, "B": {"when": "in_segment('A')"}}


def message(**changes: Any) -> bytes:
    segments = {"New": {"when": "views > 2"}}
    return json.dumps({"kind": "segments", "version": 4, "segments": segments} | changes).encode()


def test_a_newer_version_holds() -> None:
    versions = Versions(HELD, COLUMNS)
    taken = versions.take(message(at="2026-11-25T10:00:00Z", by="ann", unknown=1))
    assert versions.held == HeldVersion(taken, 4)
    assert taken == Segments(
        4, {"New": SegmentSpec(when="views > 2")}, "2026-11-25T10:00:00Z", "ann"
    )
    assert versions.take(encode(Segments(9, {}))) == Segments(9, {})


def test_a_question_changes_nothing() -> None:
    versions = Versions(HELD, COLUMNS)
    asked = Preview("q", {"New": SegmentSpec(when="views > 2")})
    assert versions.take(encode(asked)) == asked
    assert versions.held is HELD


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not a control message"),
        (b"garbage", "not a control message"),
        (b"\xff", "not a control message"),
        (b"[]", "not a control message"),
        (b"[" * 100_000, "not a control message"),
        (message(kind="other"), "not a control message.*other"),
        (message(version="4"), "not a control message.*Expected `int`"),
        (message(version=3), "version 3 is not newer than 3"),
        (
            message(version=1_000_004),
            "version 1000004 is too far ahead: expected at most 1,",
        ),
        (message(version=2**53), "is too far ahead"),
        (message(version=-1), "not a control message.*>= 0"),
        (message(version=2**64), "not a control message"),
        (message(segments={"A": {"members": [2**64]}}), "not a control message"),
        (message(segments={"A": {"when": "views > 1", "priority": 10**30}}), "not a control"),
        (message(kind="preview", id="q" * 201), "not a control message.*<= 200"),
        (message(segments={"A": {"when": "viws > 1"}}), r"segments.A.when.*did you mean 'views'"),
        (message(segments={"A": {"wenn": "views > 1"}}), "not a control message.*wenn"),
        (message(segments={"A": {"when": "views >"}}), r"segments.A.when"),
        (message(segments=IN_A_CIRCLE), "in_segment goes in a circle: A -> B -> A"),
        (message(kind="preview", id="q", segments=IN_A_CIRCLE), "in_segment goes in a circle"),
        (message(kind="preview", id="q", segments={"": {"when": "views > 1"}}), "expected a name"),
        (message(note="x" * LARGEST), "expected at most 900,000 bytes, found 900,"),
    ],
)
def test_what_can_not_be_used_is_refused_and_the_version_stays(raw: bytes, said: str) -> None:
    versions = Versions(HELD, COLUMNS)
    with pytest.raises(UsageError, match=said):
        versions.take(raw)
    assert versions.held.segments is HELD.segments


def test_the_number_of_a_version_that_can_not_be_judged_is_given_out_all_the_same() -> None:
    versions = Versions(HELD, COLUMNS)
    with pytest.raises(UsageError, match="carts"):
        versions.take(message(version=9, segments={"A": {"when": "carts > 1"}}))
    assert versions.held == HeldVersion(HELD.segments, 9)
    with pytest.raises(UsageError, match="version 5 is not newer than 9"):
        versions.take(message(version=5))
    versions.take(message(version=10))
    assert versions.held.number == versions.held.segments.version == 10


def test_of_many_mistakes_some_are_told() -> None:
    segments = {f"S{n}": {"when": "carts > 1"} for n in range(50)}
    with pytest.raises(UsageError, match=r"and 30 more$"):
        Versions(HELD, COLUMNS).take(message(segments=segments))
