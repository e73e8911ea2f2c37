"""Dead letters by reason, of a topic's newest alone where it has very many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from flink_job.deadletters.opening import letters_of
from flink_job.kafka_client import reading
from flink_job.plan import Plan
from operators.contracts.records import DeadLetter, dead_letter_decoder

_MOST: Final = 5_000  # what kafka-python reads in about half a second


class ReasonTally(msgspec.Struct, frozen=True):
    """How many letters of a reason, and when the newest was written (ISO 8601)."""

    reason: str
    letters: int
    newest: str


class LetterTally(msgspec.Struct, frozen=True):
    """Letters by reason, most first; of all that there are, or of the newest alone."""

    reasons: list[ReasonTally]
    all: bool


def tally_of(plan: Plan) -> LetterTally:
    """The dead letters of a plan by reason.

    Raises:
        UsageError: an environment variable is not set.
        PreflightError: they can't be read.
    """
    broker = plan.kafka.output_broker()
    if broker is None:
        return LetterTally(tallied(letter.record for letter in letters_of(plan)), all=True)
    records, whole = reading.read_newest(broker, plan.kafka.topics().dead_letters, _MOST)
    decoded = (_decoded(record.value or b"") for record in records)
    return LetterTally(tallied(letter for letter in decoded if letter is not None), whole)


def tallied(letters: Iterable[DeadLetter]) -> list[ReasonTally]:
    """Letters by reason, the reason of most first."""
    found: dict[str, ReasonTally] = {}
    for letter in letters:
        before = found.get(letter.reason, ReasonTally(letter.reason, 0, ""))
        newest = max(before.newest, letter.at)
        found[letter.reason] = ReasonTally(letter.reason, before.letters + 1, newest)
    return sorted(found.values(), key=lambda each: -each.letters)


def _decoded(value: bytes) -> DeadLetter | None:
    try:
        return dead_letter_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
