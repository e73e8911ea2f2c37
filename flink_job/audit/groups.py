"""Who is compared: the cohorts of a period, of each segment's newest definition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flink_job.audit.cohorts import together
from operators.contracts.outcomes import Cohort, CohortOutcomes, OutcomeRecord


@dataclass(frozen=True, order=True)
class GroupName:
    """A segment, or a cluster of a `model`, then by its id."""

    model: str
    name: str

    def __str__(self) -> str:
        return f"{self.model} {self.name}" if self.model else self.name


@dataclass(frozen=True)
class AuditedGroup:
    """What the users of a period brought, by how they stand to one segment or cluster.

    `both` are those of the members who have entered another one, too, by its name. `strata` has the
    members and the others by stratum; it is empty without strata. `cohorts` are the days on which
    the periods of those who are counted begin.
    """

    name: GroupName
    series: str
    cohorts: tuple[str, ...]
    members: Cohort
    held_out: Cohort
    others: Cohort
    both: Mapping[str, Cohort] = field(default_factory=dict)
    strata: Mapping[str, tuple[Cohort, Cohort]] = field(default_factory=dict)

    def shared_with(self, other: AuditedGroup) -> Cohort:
        """Those of the members who have entered the other one, too."""
        return self.both.get(other.name.name, Cohort())


@dataclass(frozen=True)
class CohortRange:
    """Cohorts that begin on `first` or later and on `last` or before; None for no bound."""

    first: str | None = None
    last: str | None = None

    def has(self, day: str) -> bool:
        """Whether a day, YYYY-MM-DD, lies in it."""
        return (self.first or day) <= day <= (self.last or day)


def audited_groups(records: Iterable[OutcomeRecord], period: CohortRange) -> list[AuditedGroup]:
    """A group for each segment and cluster that somebody entered in the period, by name.

    Of a segment that was defined anew only the newest series counts: the one that was published
    for the latest day, and of several that one that came last.
    """
    newest: dict[GroupName, tuple[str, str]] = {}
    by_name: defaultdict[GroupName, list[CohortOutcomes]] = defaultdict(list)
    for record in records:
        name = GroupName(record.model or "", record.name)
        last = record.cohort if isinstance(record, CohortOutcomes) else record.day
        if last >= newest.get(name, ("", ""))[0]:
            newest[name] = last, record.series
        if isinstance(record, CohortOutcomes) and period.has(record.cohort):
            by_name[name].append(record)
    return [
        _group(name, series, [each for each in by_name[name] if each.series == series])
        for name, (_, series) in sorted(newest.items())
        if any(each.series == series for each in by_name[name])
    ]


def _group(name: GroupName, series: str, records: Sequence[CohortOutcomes]) -> AuditedGroup:
    strata = sorted({each.stratum for each in records if each.stratum is not None})
    shared = sorted({other for each in records for other in each.both})
    return AuditedGroup(
        name,
        series,
        tuple(sorted({each.cohort for each in records})),
        together(each.members for each in records),
        together(each.held_out for each in records),
        together(each.others for each in records),
        {
            other: together(each.both[other] for each in records if other in each.both)
            for other in shared
        },
        {stratum: _by_stratum(records, stratum) for stratum in strata},
    )


def _by_stratum(records: Sequence[CohortOutcomes], stratum: str) -> tuple[Cohort, Cohort]:
    own = [each for each in records if each.stratum == stratum]
    return together(each.members for each in own), together(each.others for each in own)
