"""What a job tells of days and cohorts over time, and how it may reach a store.

The oracle knows no versions to compare, only each day's words in order: the last one stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from hypothesis import strategies as st

from operators.contracts.outcomes import (
    Cohort,
    CohortOutcomes,
    DayOutcomes,
    GroupDay,
    OutcomeRecord,
)
from operators.contracts.records import encode

# What differs in nothing but one of its parts must not meet.
SUBJECTS: list[OutcomeRecord] = [
    DayOutcomes("a", "s1", "2026-11-27"),
    DayOutcomes("a", "s1", "2026-11-28"),
    DayOutcomes("a", "s2", "2026-11-27"),
    DayOutcomes("a", "s1", "2026-11-27", model="m"),
    CohortOutcomes("a", "s1", "2026-11-27"),
    CohortOutcomes("a", "s1", "2026-11-27", stratum="m"),
]


@dataclass(frozen=True)
class OutcomeHistory:
    """The words of each day or cohort in order, and how they reach the store."""

    said: list[list[OutcomeRecord]]
    batches: list[list[OutcomeRecord]]

    def named(self, prefix: str) -> OutcomeHistory:
        """The same of other names."""

        def renamed(words: list[OutcomeRecord]) -> list[OutcomeRecord]:
            return [msgspec.structs.replace(x, name=f"{prefix}{x.name}") for x in words]

        return replace(
            self,
            said=[renamed(words) for words in self.said],
            batches=[renamed(batch) for batch in self.batches],
        )

    def kept(self) -> set[bytes]:
        """The last words of those that are not gone."""
        return {encode(words[-1]) for words in self.said if not words[-1].gone}


@st.composite
def outcome_histories(draw: st.DrawFn) -> OutcomeHistory:
    """Words of days and cohorts; some dropped, never a last one, some again, in any order."""
    subjects = draw(st.lists(st.sampled_from(SUBJECTS), min_size=1, unique_by=encode))
    said = [draw(_words(subject)) for subject in subjects]
    delivered: list[OutcomeRecord] = []
    for spoken in said:
        delivered += [word for word in spoken[:-1] if draw(st.booleans())] + [spoken[-1]]
    delivered += draw(st.lists(st.sampled_from(delivered), max_size=4))
    delivered = draw(st.permutations(delivered))
    cut = draw(st.integers(0, len(delivered)))
    return OutcomeHistory(said, [delivered[:cut], delivered[cut:]])


@st.composite
def _words(draw: st.DrawFn, subject: OutcomeRecord) -> list[OutcomeRecord]:
    versions = sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=5)))
    return [_word(subject, version, gone=draw(st.integers(0, 3)) == 0) for version in versions]


def _word(subject: OutcomeRecord, version: int, *, gone: bool) -> OutcomeRecord:
    """What is said of it, of which every part tells the version."""
    if gone:
        return msgspec.structs.replace(subject, version=version, gone=True)
    members = Cohort(version) if isinstance(subject, CohortOutcomes) else GroupDay(pages=version)
    return msgspec.structs.replace(subject, version=version, members=members)
