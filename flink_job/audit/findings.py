"""What an audit comes to, as data: a line of JSON each. Shares are from 0 to 1."""

from __future__ import annotations

from typing import Literal

import msgspec

from flink_job.audit.corrections import Correction

Sides = Literal["everyone", "each without the other", "within"]


class Question(msgspec.Struct, frozen=True, tag_field="kind", tag="question"):
    """What is asked: of which cohorts, at which error, and what counts as the same.

    Groups of less than `fewest` users are compared with nothing. `margin` is the part of what two
    groups come to together by which they may differ and still be the same, `overlap` the part of
    the users of two that must be in both.
    """

    first: str | None = None
    last: str | None = None
    alpha: float = 0.05
    correction: Correction = "holm"
    margin: float = 0.2
    overlap: float = 0.8
    fewest: int = 100


class AuditedMeasure(msgspec.Struct, frozen=True):
    """One outcome of a group: a conversion as a share, a value per user; of others, too."""

    outcome: str
    measure: str
    members: float
    held_out: float | None
    others: float


class GroupFound(msgspec.Struct, frozen=True, tag_field="kind", tag="group"):
    """A segment: its users, and what they brought.

    `detectable` is the difference in the first outcome's conversion from all others that four of
    five such audits would find; null without others or outcomes. `small` if it has less users than
    is asked for.
    """

    group: str
    series: str
    users: int
    held_out: int
    others: int
    small: bool
    detectable: float | None
    measures: list[AuditedMeasure]


class DifferenceFound(msgspec.Struct, frozen=True, tag_field="kind", tag="difference"):
    """Two groups compared in one measure: the first less the `other`, from `low` to `high`.

    `effect` is Cramér's V of a conversion and Cohen's d of a value. `p` is of there being no
    difference, `adjusted` the same corrected for all comparisons of its kind. With `by_definition`
    the first's condition, or the other's, asks for the outcome's own events.
    """

    group: str
    other: str
    sides: Sides
    outcome: str
    measure: str
    users: int
    other_users: int
    of_group: float
    of_other: float
    difference: float
    low: float
    high: float
    effect: float
    test: str
    p: float
    adjusted: float
    differs: bool
    by_definition: bool


class StrataFound(msgspec.Struct, frozen=True, tag_field="kind", tag="strata"):
    """A group against all others, in total and within strata.

    Strata are told apart `by` the period in which users came, or by a property. Both with
    intervals. `p` is of the Cochran-Mantel-Haenszel test, `odds_ratio` the common one; null of
    values, and where it can't be told. `reverses` if one interval lies above 0 and the other below.
    """

    group: str
    by: str
    outcome: str
    measure: str
    strata: int
    difference: float
    low: float
    high: float
    within: float
    within_low: float
    within_high: float
    odds_ratio: float | None
    p: float | None
    reverses: bool


class LiftFound(msgspec.Struct, frozen=True, tag_field="kind", tag="lift"):
    """Members against those held out, all who entered since they did, in one measure.

    The interval of the difference holds at every look, and so does `p`; `adjusted` is corrected for
    all lifts. `lift` is the difference as a part of what those held out come to, with its own
    interval; null where that is not known to be more than 0. It is `trusted` unless users were held
    out in another share than was asked for, and `proven` only then.
    """

    group: str
    outcome: str
    measure: str
    users: int
    held_out: int
    of_members: float
    of_held_out: float
    difference: float
    low: float
    high: float
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: float
    adjusted: float
    proven: bool
    trusted: bool = True


class RatioFound(msgspec.Struct, frozen=True, tag_field="kind", tag="ratio"):
    """Whether users were held out in the share that the configuration says.

    `p` is of one look, `always_valid_p` of looks at any time; `wrong` goes by the latter.
    """

    group: str
    holdout: float
    users: int
    held_out: int
    share: float
    p: float
    always_valid_p: float
    wrong: bool


class SameFound(msgspec.Struct, frozen=True, tag_field="kind", tag="same"):
    """Two segments that are the same: they have the same members, or members who do the same.

    `shared` is the part of the users of either who are in both, `shared_low` its lower bound.
    `adjusted` is p of their differing by the margin in any of `measures`, corrected for all pairs;
    null where they could not be compared. `when` and `without` say what to try instead: the
    condition of the first and the segment that goes; null where `by_hand` says why not.
    """

    group: str
    other: str
    because: Literal["members", "behaviour"]
    shared: float
    shared_low: float
    adjusted: float | None
    measures: list[str]
    when: str | None = None
    without: str | None = None
    by_hand: str | None = None


class Doubt(msgspec.Struct, frozen=True, tag_field="kind", tag="doubt"):
    """What makes the rest of the audit doubtful, in a line."""

    text: str


class Audit(msgspec.Struct, frozen=True):
    """All findings, those of a kind as they are told."""

    question: Question
    groups: list[GroupFound]
    differences: list[DifferenceFound]
    strata: list[StrataFound]
    lifts: list[LiftFound]
    ratios: list[RatioFound]
    same: list[SameFound]
    doubts: list[Doubt]

    def findings(self) -> list[msgspec.Struct]:
        """All of them, the question first."""
        return [
            self.question,
            *(*self.groups, *self.differences, *self.strata, *self.lifts),
            *(*self.ratios, *self.same, *self.doubts),
        ]
