"""An audit as sections that a person reads: each a title, what it means, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from flink_job.audit import wording
from flink_job.audit.findings import (
    Audit,
    DifferenceFound,
    GroupFound,
    LiftFound,
    Question,
    RatioFound,
    SameFound,
    StrataFound,
)

TableRow = tuple[str, ...]


@dataclass(frozen=True)
class DrawnInterval:
    """A difference and its interval, and the unit by which such are drawn together."""

    unit: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Section:
    """A table with its title, and lines about it. `spans` are of the rows, where there are any."""

    title: str
    about: list[str]
    header: TableRow = ()
    rows: list[TableRow] = field(default_factory=list)
    spans: list[DrawnInterval] = field(default_factory=list)


def sections(audit: Audit, *, everything: bool) -> Iterator[Section]:
    """All that there is to say; `everything` for comparisons, too, that found nothing."""
    if audit.doubts:
        yield Section("Doubts", [each.text for each in audit.doubts])
    yield _groups(audit)
    yield _differences(audit, everything=everything)
    yield _strata(audit.strata, everything=everything)
    if audit.lifts or audit.ratios:
        yield _lifts(audit)
    yield _same(audit)


def asked(question: Question) -> str:
    """What was asked, in a line."""
    begin = f"from {question.first}" if question.first else "from the first"
    end = f"to {question.last}" if question.last else "to the newest"
    how = "Holm" if question.correction == "holm" else "Benjamini and Hochberg"
    return (
        f"cohorts {begin} {end}; at {question.alpha:.1%}, corrected by {how}; the same is within "
        f"{question.margin:.0%}, or {question.overlap:.0%} of the users; of "
        f"{question.fewest:,} users at least"
    )


def _groups(audit: Audit) -> Section:
    measures = audit.groups[0].measures if audit.groups else []
    named = [wording.what(each.outcome, each.measure) for each in measures]
    header = ("segment", "users", *named, "tells apart", "")
    about = [
        "What the users of each segment came to since they entered, and in brackets all others; "
        "'tells apart' is the difference from these that four of five audits would find."
    ]
    return Section("Segments", about, header, [_group_row(each) for each in audit.groups])


def _group_row(found: GroupFound) -> TableRow:
    told = (
        f"{wording.level(each.measure, each.members)} ({wording.level(each.measure, each.others)})"
        for each in found.measures
    )
    apart = "" if found.detectable is None else f"{100 * found.detectable:.2f} points"
    small = "too few users to be compared" if found.small else ""
    return (found.group, f"{found.users:,}", *told, apart, small)


def _differences(audit: Audit, *, everything: bool) -> Section:
    found = audit.differences
    told = [each for each in found if everything or each.differs]
    header = (
        *("segment", "against", "users", "what", "comes to", "against", "difference"),
        *("interval", "effect", "p", ""),
    )
    about = [
        f"{sum(each.differs for each in found):,} of {len(found):,} comparisons show a difference "
        "that chance would hardly make; that the others don't says nothing of sameness.",
        "Whoever is in a segment is another sort of user: what the segment itself brings, only "
        "those held out of it can show.",
    ]
    if any(each.by_definition for each in told):
        about.append(
            "'by definition': a condition asks for the very events of the outcome, so that the "
            "segment differs is no finding."
        )
    rows = [_difference_row(each) for each in told]
    return Section("Differences", about, header, rows, [_span(each) for each in told])


def _difference_row(found: DifferenceFound) -> TableRow:
    kind = found.measure
    name = "V" if kind == "conversion" else "d"
    notes: dict[str, bool] = {
        found.sides: found.sides != "everyone",
        "by definition": found.by_definition,
        "maybe chance": not found.differs,
    }
    return (
        *(found.group, found.other, f"{found.users:,} and {found.other_users:,}"),
        *(wording.what(found.outcome, kind), wording.level(kind, found.of_group)),
        *(wording.level(kind, found.of_other), wording.difference(kind, found.difference)),
        wording.interval(kind, found.low, found.high),
        *(f"{name} {found.effect:.3f}", f"{wording.p_value(found.adjusted)} by {found.test}"),
        "; ".join(note for note, holds in notes.items() if holds),
    )


def _span(found: DifferenceFound | LiftFound) -> DrawnInterval:
    unit = wording.what(found.outcome, found.measure)
    return DrawnInterval(unit, found.low, found.difference, found.high)


def _strata(found: Sequence[StrataFound], *, everything: bool) -> Section:
    told = [each for each in found if everything or each.reverses]
    turned = sum(each.reverses for each in found)
    about = [
        f"{turned:,} of {len(found):,} differences from all others turn when users are compared "
        "with those of the same stratum, such as the period in which they came."
        if found
        else "There are too few strata to compare users within them: one period, or few users."
    ]
    header = ("segment", "what", "in all", "interval", "strata", "within", "interval", "p", "")
    rows: list[TableRow] = [
        (
            *(each.group, wording.what(each.outcome, each.measure)),
            wording.difference(each.measure, each.difference),
            wording.interval(each.measure, each.low, each.high),
            f"{each.strata} by {each.by}",
            wording.difference(each.measure, each.within),
            wording.interval(each.measure, each.within_low, each.within_high),
            "" if each.p is None else wording.p_value(each.p),
            "turns: go by that within strata" if each.reverses else "",
        )
        for each in told
    ]
    return Section("Within strata", about, header, rows)


def _lifts(audit: Audit) -> Section:
    header = (
        *("segment", "what", "members", "held out", "difference", "interval", "lift", "interval"),
        *("p", ""),
    )
    about = [
        "Members against those held out, all who entered since they did; intervals and p hold at "
        "every look.",
        *map(_ratio_line, audit.ratios),
    ]
    rows = [_lift_row(each) for each in audit.lifts]
    return Section("Held out", about, header, rows, [_span(each) for each in audit.lifts])


def _lift_row(found: LiftFound) -> TableRow:
    kind = found.measure
    of_lift = (
        "not known"
        if found.lift_low is None
        else f"{wording.relative(found.lift_low)} to {wording.relative(found.lift_high)}"
    )
    return (
        *(found.group, wording.what(found.outcome, kind)),
        f"{wording.level(kind, found.of_members)} of {found.users:,}",
        f"{wording.level(kind, found.of_held_out)} of {found.held_out:,}",
        wording.difference(kind, found.difference),
        wording.interval(kind, found.low, found.high),
        *(wording.relative(found.lift), of_lift, wording.p_value(found.adjusted)),
        _verdict(found),
    )


def _verdict(found: LiftFound) -> str:
    if not found.trusted:
        return "not to be trusted: the share held out is wrong"
    return "proven" if found.proven else "not proven so far"


def _ratio_line(found: RatioFound) -> str:
    told = (
        f"{found.group}: {found.share:.2%} of {found.users + found.held_out:,} users were held "
        f"out, {found.holdout:.2%} should be"
    )
    if not found.wrong:
        return f"{told}: that is as chance has it"
    return f"{told}: that is no chance (p {wording.p_value(found.always_valid_p)}): trust no lift"


def _same(audit: Audit) -> Section:
    header = ("segment", "and", "because", "users in both", "p of differing", "instead")
    rows = [_same_row(each) for each in audit.same]
    about = ["Segments that are the same within the margin: one of the two says nothing more."]
    if not rows:
        about = ["No two segments are shown to be the same within the margin."]
    return Section("The same", about, header, rows)


def _same_row(found: SameFound) -> TableRow:
    because = (
        "they have the same members"
        if found.because == "members"
        else f"their members come to the same: {', '.join(found.measures)}"
    )
    instead = (
        f"by hand: {found.by_hand}"
        if found.when is None
        else f"{found.group}: {found.when}; without {found.without}"
    )
    return (
        *(found.group, found.other, because),
        f"{found.shared:.1%} (at least {max(found.shared_low, 0):.1%})",
        "not compared" if found.adjusted is None else wording.p_value(found.adjusted),
        instead,
    )
