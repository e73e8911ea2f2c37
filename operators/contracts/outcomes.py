"""What the job publishes of outcomes: numbers by day and by cohort, of a segment or a cluster.

All are sums over users or events and add up over lanes, days, cohorts and strata. Days are of UTC.
"""

from __future__ import annotations

import msgspec


class GroupDay(msgspec.Struct, frozen=True, omit_defaults=True):
    """What users did on a day who were, as they did it, in one group.

    `conversions` and `value` are those of the events of the day, by outcome, by the membership at
    the event. All else is of the sessions that began on the day, by the membership as they began:
    their number, seconds from the first to the last event, pages, those with one page (`bounces`),
    those with a conversion (`converted`) and the value of all in them (`session_value`), by
    outcome, and how many came to each step of the funnel.
    """

    conversions: dict[str, int] = {}
    value: dict[str, float] = {}
    sessions: int = 0
    seconds: float = 0.0
    pages: int = 0
    bounces: int = 0
    converted: dict[str, int] = {}
    session_value: dict[str, float] = {}
    steps: list[int] = []


class UserOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the users of a cohort brought since they entered, of one outcome.

    `converted` are the users with a conversion; `value` is the sum over users of the value of
    each, `squares` that of its square: a user is one observation.
    """

    converted: int = 0
    conversions: int = 0
    value: float = 0.0
    squares: float = 0.0


class Cohort(msgspec.Struct, frozen=True, omit_defaults=True):
    """Users who entered a group in one period.

    `retained` says for each period since the one of entering, up to 63 later, how many of them
    were active in it; the first is that of entering itself.
    """

    users: int = 0
    outcomes: dict[str, UserOutcome] = {}
    retained: list[int] = []


class DayOutcomes(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="day"):
    """A segment's day, or that of a cluster, which then has its `model`; `name` is its id.

    `series` names the definition that judged: another one begins another series. `entries` and
    `exits` are of that day, `stayed_seconds` is how long those who left had been in. Who was in as
    the series began enters then. Of two records of a day the one with the higher `version`, in
    microseconds since 1970, is newer. One that is `gone` says no more than that the day is no
    longer kept: it is the last.
    `members_before` is how many there were before the first day that is kept, and in it alone.
    """

    name: str
    series: str
    day: str
    model: str | None = None
    version: int = 0
    gone: bool = False
    entries: int = 0
    exits: int = 0
    stayed_seconds: float = 0.0
    members_before: int = 0
    members: GroupDay = GroupDay()
    held_out: GroupDay = GroupDay()
    others: GroupDay = GroupDay()


class CohortOutcomes(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="cohort"
):
    """Who first entered a segment in the period that begins on the day `cohort`.

    A user is among the members of the period in which they first entered by this definition,
    and stays there, left or not; the same with being held out. Everyone else is among the others,
    in the period of their first event, until they enter or are held out: then they leave it with
    all that they brought. With strata, `stratum` is the first of the listed values that their
    events had. `both` has for another segment those of the members who have entered it,
    too, with what they brought since they entered this one. One that is `gone` is no longer kept.
    """

    name: str
    series: str
    cohort: str
    stratum: str | None = None
    version: int = 0
    gone: bool = False
    members: Cohort = Cohort()
    held_out: Cohort = Cohort()
    others: Cohort = Cohort()
    both: dict[str, Cohort] = {}


OutcomeRecord = DayOutcomes | CohortOutcomes

outcome_decoder = msgspec.json.Decoder(OutcomeRecord)
