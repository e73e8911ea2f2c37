"""How a configuration is at work, as a person reads it, and what makes it good."""

from __future__ import annotations

import msgspec
import pytest

from flink_job.cli.amounts import size_text, time_text
from flink_job.cli.status_lines import StatusLines
from flink_job.control.input_status import Absent, InputStatus
from flink_job.control.job_status import JobStatus
from flink_job.control.plan_status import PlanStatus, SegmentsVersion
from flink_job.control.status import VersionProgress
from flink_job.deadletters.tally import LetterTally, tallied
from flink_job.queries.model_versions import ModelVersion, newest_by_model
from flink_job.runtime.job_facts import (
    CheckpointFacts,
    CheckpointHistory,
    FailureFacts,
    JobFacts,
    JobState,
)
from operators.contracts.records import CameLast, DeadLetter

NOW_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
CHECKPOINTS = CheckpointHistory(
    240, 2, CheckpointFacts("2026-01-31T11:59:59.500000Z", 1_234_567, 25)
)
FACTS = JobFacts(JobState.RUNNING, "2026-01-31T11:00:00.000000Z", CHECKPOINTS, 0)
SEGMENT = JobStatus(
    *("segment", "shop segment", JobState.RUNNING, "here", "2026-01-31T11:00:00.000000Z"),
    *(4711, "127.0.0.1:8081", "0123", FACTS),
)
UPSERT = JobStatus(
    *("upsert", "shop upsert", JobState.NOT_RUNNING),
    kept=CheckpointFacts("2026-01-30T10:00:00.000000Z", path="/state/upsert/chk-3"),
)
LETTERS = [
    DeadLetter("late", "", "2026-01-31T11:58:00.000000Z"),
    DeadLetter("not_json", "", "2026-01-31T10:00:00.000000Z"),
    DeadLetter("late", "", "2026-01-31T11:50:00.000000Z"),
]
GOOD = PlanStatus(
    "shop",
    [SEGMENT],
    events=12,
    changelog=None,
    segments=SegmentsVersion(
        3, "2026-01-31T09:30:00.000000Z", "ann", VersionProgress(8, 8, 8, 1_200, 1_200, {}, None)
    ),
    input=InputStatus(
        8,
        8,
        "2026-01-31T11:59:00.000000Z",
        [CameLast("features.views", "2026-01-28T11:59:00.000000Z")] * 3,
        [
            Absent("features.orders", "event of type 'purchase'", 259_200, True, "; there are 'a'"),
            Absent("features.spend", "event of type 'cart'", 90_000, False),
        ],
    ),
    models=[ModelVersion("shoppers", 7, "2026-01-31T11:55:00.000000Z")],
    dead_letters=LetterTally(tallied(LETTERS), all=True),
    unknown={},
)


def lines(found: PlanStatus) -> list[str]:
    return list(StatusLines(found, NOW_US).all())


def test_what_is_at_work() -> None:
    assert lines(GOOD) == [
        "shop segment: running here, since 2026-01-31T11:00:00Z, 1h 0m ago, process 4711",
        "  checkpoints   last 500 ms ago, 1.2 MB, took 25 ms; 240 complete, 2 failed",
        "  restarts      0",
        "  lag           12 records not yet read",
        "segments      version 3, by ann, 2h 30m ago; judged by it: 8 of 8 lanes, 1,200 of 1,200 "
        "users",
        "input         1 of 3 types and fields that are asked for come, as told 1m 0s ago",
        "              features.orders: no event of type 'purchase' in 3d 0h, since it is asked "
        "for; there are 'a'",
        "              features.spend: no event of type 'cart' in 1d 1h",
        "models        shoppers version 7, 5m 0s ago",
        "dead letters  3",
        "              2 late, newest 2m 0s ago",
        "              1 not_json, newest 2h 0m ago",
    ]
    assert GOOD.good


def test_what_can_not_be_known_is_said_in_its_place() -> None:
    away = "Kafka at a:9092 can't be used: no answer within 6 s"
    found = msgspec.structs.replace(
        GOOD,
        jobs=[SEGMENT, UPSERT],
        **dict.fromkeys(("events", "segments", "input", "models", "dead_letters")),
        unknown={**dict.fromkeys(("events", "changelog", "segments", "input", "models"), away)}
        | {"dead_letters": "no topic", "cluster": "Flink at b:8081 does not answer"},
    )
    assert lines(found)[3:] == [
        f"  lag           unknown: {away}",
        "shop upsert: not running",
        "  last state    1d 2h ago: /state/upsert/chk-3",
        "  lag           unknown, as above",
        "cluster       unknown: Flink at b:8081 does not answer",
        "segments      unknown, as above",
        "input         unknown, as above",
        "models        unknown, as above",
        "dead letters  unknown: no topic",
    ]
    assert not found.good


def test_a_failure_and_failing_checkpoints_are_told() -> None:
    failure = FailureFacts("2026-01-31T11:59:00.000000Z", "StoreError: away\nfor long")
    failing = msgspec.structs.replace(CHECKPOINTS, failing="they expire")
    facts = msgspec.structs.replace(FACTS, restarts=2, failure=failure, checkpoints=failing)
    job = msgspec.structs.replace(SEGMENT, where="host:8081", pid=None, flink=facts)
    found = msgspec.structs.replace(GOOD, jobs=[job])
    assert lines(found)[:5] == [
        "shop segment: running on host:8081, since 2026-01-31T11:00:00Z, 1h 0m ago, job 0123",
        "  checkpoints   last 500 ms ago, 1.2 MB, took 25 ms; 240 complete, 2 failed",
        "                newer ones fail: they expire",
        "  restarts      2",
        r"  last failure  1m 0s ago: StoreError: away\nfor long",
    ]
    assert not found.good


@pytest.mark.parametrize(
    ("state", "good"),
    [(state, state in (JobState.RUNNING, JobState.ENDED)) for state in JobState],
)
def test_what_is_good(state: JobState, good: bool) -> None:
    assert JobStatus("segment", "shop segment", state).good is good


def test_letters_of_very_many_are_the_newest_alone() -> None:
    some = msgspec.structs.replace(GOOD, dead_letters=LetterTally(tallied(LETTERS), all=False))
    assert "dead letters  the newest 3 alone" in lines(some)


def test_the_newest_version_of_each_model() -> None:
    said = [
        (b"a/1", b'{"model": "a", "version": 1, "at": "2026-01-01", "clusters": []}'),
        (b"a/2", b'{"model": "a", "version": 2, "at": "2026-01-02"}'),
        (b"b/9", b'{"model": "b", "version": 9, "at": "2026-01-01"}'),
        (b"b/1", b'{"model": "b", "version": 1, "at": "2026-01-03"}'),  # of a run that began anew
        (b"a/0", None),
        (None, b"none of ours \xff"),
    ]
    found = newest_by_model(said)
    assert {name: version.version for name, version in found.items()} == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0.0 s"), (-3, "0.0 s"), (0.03, "30 ms"), (2.54, "2.5 s"), (59.9, "59 s")),
        *((60, "1m 0s"), (3_599, "59m 59s"), (7_260, "2h 1m"), (10 * 86_400 + 7_200, "10d 2h")),
    ],
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234_567, "1.2 MB"), (10**16, "10000.0 TB")],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text
