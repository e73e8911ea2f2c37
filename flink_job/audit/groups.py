"""Who is compared: the cohorts of a range, of each segment's newest definition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flink_job.audit.cohorts import together
from operators.contracts.outcomes import Cohort, CohortOutcomes, OutcomeRecord

PERIOD: Final = "period"
STRATUM: Final = "stratum"


@dataclass(frozen=True)
class AuditedGroup:
    """What the users of some cohorts brought, by how they stand to one segment.

    `both` are those of the members who have entered another one, too, by its name. `strata` are the
    members and the others who are alike, by what they are alike in: the day on which the `PERIOD`
    began in which they came, and the `STRATUM` that they were in, where users are told apart.
    """

    name: str
    series: str
    members: Cohort
    held_out: Cohort
    others: Cohort
    both: Mapping[str, Cohort] = field(default_factory=dict)
    strata: Mapping[str, Mapping[str, tuple[Cohort, Cohort]]] = field(default_factory=dict)

    def shared_with(self, other: AuditedGroup) -> Cohort:
        """Those of the members who have entered the other one, too."""
        return self.both.get(other.name, Cohort())


@dataclass(frozen=True)
class CohortRange:
    """Cohorts that begin on `first` or later and on `last` or before; None for no bound."""

    first: str | None = None
    last: str | None = None

    def has(self, day: str) -> bool:
        """Whether a day, YYYY-MM-DD, lies in it."""
        return (self.first or day) <= day <= (self.last or day)


def audited_groups(records: Iterable[OutcomeRecord], range_: CohortRange) -> list[AuditedGroup]:
    """A group for each segment with cohorts in the range, by name.

    Of a segment that was defined anew only the series of which was told last counts.
    """
    by_name: defaultdict[str, list[CohortOutcomes]] = defaultdict(list)
    for record in records:
        if isinstance(record, CohortOutcomes):
            by_name[record.name].append(record)
    found = []
    for name, told in sorted(by_name.items()):
        series = max(told, key=lambda each: (each.version, each.cohort)).series
        own = [each for each in told if each.series == series and range_.has(each.cohort)]
        if own:
            found.append(_group(name, series, sorted(own, key=lambda each: each.cohort)))
    return found


def _group(name: str, series: str, records: Sequence[CohortOutcomes]) -> AuditedGroup:
    shared = sorted({other for each in records for other in each.both})
    return AuditedGroup(
        name,
        series,
        together(each.members for each in records),
        together(each.held_out for each in records),
        together(each.others for each in records),
        {
            other: together(each.both[other] for each in records if other in each.both)
            for other in shared
        },
        {
            PERIOD: _alike(records, lambda record: record.cohort),
            STRATUM: _alike(records, lambda record: record.stratum or ""),
        },
    )


def _alike(
    records: Sequence[CohortOutcomes], stratum: Callable[[CohortOutcomes], str]
) -> dict[str, tuple[Cohort, Cohort]]:
    by_stratum: defaultdict[str, list[CohortOutcomes]] = defaultdict(list)
    for record in records:
        by_stratum[stratum(record)].append(record)
    return {
        name: (together(x.members for x in own), together(x.others for x in own))
        for name, own in by_stratum.items()
    }
