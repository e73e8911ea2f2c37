"""Each dead letter is replayed once, whatever is asked for, in whatever order, until a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flink_job.deadletters import replaying
from flink_job.deadletters.offsets import ReplayPositions
from flink_job.deadletters.positions import ReplayPosition
from flink_job.deadletters.reading import Letter
from flink_job.deadletters.replaying import LetterFilter, Replay
from operators.contracts.records import DeadLetter

REASONS = ("late", "bad_time", "null_key")
PARTS = ("0", "1")

# What happens: so many letters of a reason are written into a part, or a replay is begun.
WRITTEN = st.tuples(st.sampled_from(PARTS), st.sampled_from(REASONS), st.integers(1, 3))
BEGUN = st.builds(
    LetterFilter,
    reason=st.none() | st.sampled_from(REASONS),
    held=st.sampled_from([frozenset(), frozenset({"null_key"})]),
)
HAPPENED = st.lists(WRITTEN | st.tuples(BEGUN, st.none() | st.integers(0, 3)), max_size=14)


class CrashError(Exception):
    """The end of a replay before its end."""


@dataclass
class Kafka:
    """A target that keeps letters and places together, until it crashes."""

    places: dict[str, ReplayPosition] = field(default_factory=dict)
    got: list[tuple[str, int]] = field(default_factory=list)
    batches_left: int | None = None

    def deliver(self, letters: list[Letter], places: ReplayPositions) -> None:
        if self.batches_left == 0:
            raise CrashError
        if self.batches_left is not None:
            self.batches_left -= 1
        self.got += [(letter.part, letter.at) for letter in letters]
        self.places |= places


def lying(letters: dict[str, list[str]]) -> Iterator[Letter]:
    """All letters there are; there are holes, as transactions leave them in a partition."""
    for part, reasons in letters.items():
        for at, reason in enumerate(reasons):
            yield Letter(part, 2 * at + 1, DeadLetter(reason, "", "", raw="x", size=1))


def run(kafka: Kafka, letters: dict[str, list[str]], choice: LetterFilter) -> None:
    """A replay, which may crash."""
    replay = Replay(kafka.places, choice, refusal=lambda letter: None)
    with suppress(CrashError):
        replay.run(lying(letters), kafka)
    kafka.batches_left = None


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "_MOST_LETTERS", 2)
        yield


@given(HAPPENED)
def test_each_letter_goes_once_and_none_is_forgotten(happened: list[Any]) -> None:
    letters: dict[str, list[str]] = {part: [] for part in PARTS}
    kafka = Kafka()
    for event in happened:
        if isinstance(event[0], LetterFilter):
            choice, kafka.batches_left = event
            crashes, before = kafka.batches_left is not None, len(kafka.got)
            run(kafka, letters, choice)
            asked = REASONS if choice.reason is None else (choice.reason,)
            taken = {reason for reason in asked if reason not in choice.held}
            assert {letters[part][at // 2] for part, at in kafka.got[before:]} <= taken
            due = [each for each in lying(letters) if each.record.reason in taken]
            assert crashes or {(each.part, each.at) for each in due} <= set(kafka.got)
        else:
            part, reason, count = event
            letters[part] += [reason] * count
    run(kafka, letters, LetterFilter())
    assert Counter(kafka.got) == Counter((each.part, each.at) for each in lying(letters))
    assert all(not place.ahead for place in kafka.places.values())


@given(st.data())
def test_refused_letters_are_passed_once(data: st.DataObject) -> None:
    letters = {"0": data.draw(st.lists(st.sampled_from(REASONS), min_size=1, max_size=6))}
    kafka = Kafka()
    first = Replay({}, LetterFilter(), refusal=lambda letter: "no")
    first.run(lying(letters), kafka)
    again = Replay(kafka.places, LetterFilter(), refusal=lambda letter: "no")
    again.run(lying(letters), kafka)
    assert (first.sent, first.refused["no"]) == (0, len(letters["0"]))
    assert (again.sent, again.refused["no"]) == (0, 0)
