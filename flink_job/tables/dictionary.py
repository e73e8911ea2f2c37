"""Every column of every table, and what it means: the one place where that stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

ColumnType = Literal["text", "day", "whole", "number"]

SEPARATOR: Final = "__"  # between an outcome and what of it a column has
# What stands in names that are made: for each outcome, step of the funnel, or period.
OUTCOME, STEP, PERIOD = "OUTCOME", "STEP", "PERIOD"


@dataclass(frozen=True)
class TableColumn:
    """A column; in the dictionary its name may have a placeholder, and stands for several.

    Of one that was made of such a name, `counted`, nothing told is 0.
    """

    name: str
    type: ColumnType
    meaning: str
    counted: bool = False


_WHOSE: Final = (
    TableColumn("segment", "text", "name of the segment"),
    TableColumn("series", "text", "which definition judged: another one begins another series"),
)
_COHORT: Final = (
    *_WHOSE,
    TableColumn("cohort", "day", "first day (UTC) of the period in which the users entered"),
    TableColumn("stratum", "text", "value by which users are told apart; empty for all others"),
)
_OF_USERS: Final = (
    TableColumn("OUTCOME__converted_users", "whole", "users with a conversion since they entered"),
    TableColumn("OUTCOME__conversions", "whole", "their conversions"),
    TableColumn("OUTCOME__value", "number", "sum of the values, in the unit of the events"),
    TableColumn("OUTCOME__value_squares", "number", "sum over users of the square of their value"),
)

DICTIONARY: Final[Mapping[str, tuple[TableColumn, ...]]] = {
    "days": (
        TableColumn("model", "text", "cluster model; empty for segments"),
        TableColumn("segment", "text", "name of the segment, or id of the cluster"),
        *_WHOSE[1:],
        TableColumn("day", "day", "day, of UTC"),
        TableColumn("group", "text", "members, held_out or others, as users were then"),
        TableColumn("entries", "whole", "users who entered on the day; of members alone"),
        TableColumn("exits", "whole", "users who left on the day; of members alone"),
        TableColumn("stayed_seconds", "number", "how long those who left had been in, in all"),
        TableColumn("members_before", "whole", "members before the first day that is kept"),
        TableColumn("sessions", "whole", "sessions that began on the day"),
        TableColumn("seconds", "number", "from their first to their last event, in all"),
        TableColumn("pages", "whole", "pages in these sessions"),
        TableColumn("bounces", "whole", "sessions with one page"),
        TableColumn("step_STEP", "whole", "sessions that came to this step of the funnel, from 1"),
        TableColumn("OUTCOME__conversions", "whole", "events of the day that are the outcome"),
        TableColumn("OUTCOME__value", "number", "their values, in the unit of the events"),
        TableColumn("OUTCOME__converted_sessions", "whole", "sessions with a conversion"),
        TableColumn("OUTCOME__session_value", "number", "values of all in these sessions"),
    ),
    "cohorts": (
        *_COHORT,
        TableColumn("group", "text", "members, held_out or others"),
        TableColumn("users", "whole", "users of the group who entered in the period"),
        *_OF_USERS,
        TableColumn("retained_PERIOD", "whole", "users active so many periods after entering"),
    ),
    "pairs": (
        *_COHORT,
        TableColumn("other", "text", "another segment that these members have entered, too"),
        TableColumn("users", "whole", "members who have entered both"),
        *_OF_USERS,
    ),
    "memberships": (
        TableColumn("user", "text", "who"),
        TableColumn("kind", "text", "segment, held_out (of a segment) or cluster"),
        TableColumn("model", "text", "cluster model; empty for segments"),
        TableColumn("segment", "text", "name of the segment, or id of the cluster"),
        TableColumn("label", "text", "name of the cluster; empty for segments"),
        TableColumn("since", "text", "moment of entering, ISO 8601 in UTC; empty if not kept"),
        TableColumn("version", "whole", "version of the assignment, microseconds since 1970"),
    ),
}


def columns(table: str, outcomes: Sequence[str], *, steps: int, periods: int) -> list[TableColumn]:
    """The columns of a table, where there are these outcomes, and so many steps and periods."""
    numbers = {STEP: [str(at + 1) for at in range(steps)], PERIOD: list(map(str, range(periods)))}
    found: list[TableColumn] = []
    for column in DICTIONARY[table]:
        placeholder = next((x for x in (STEP, PERIOD) if column.name.endswith(x)), None)
        if placeholder is not None:
            found += (_named(column, placeholder, each) for each in numbers[placeholder])
        elif not column.name.startswith(OUTCOME):
            found.append(column)
    for name in outcomes:
        own = (each for each in DICTIONARY[table] if each.name.startswith(OUTCOME))
        found += (_named(column, OUTCOME, name) for column in own)
    return found


def described() -> Iterator[tuple[str, str, str, str]]:
    """Of every column the table, the name, the type and what it means."""
    for table, own in DICTIONARY.items():
        yield from ((table, each.name, each.type, each.meaning) for each in own)


def _named(column: TableColumn, placeholder: str, word: str) -> TableColumn:
    return replace(column, name=column.name.replace(placeholder, word, 1), counted=True)
