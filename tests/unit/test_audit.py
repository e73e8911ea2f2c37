"""What an audit says of records: whom it compares, what it marks, and what it proposes."""

from __future__ import annotations

import json

import msgspec
import pytest

from flink_job.audit.auditing import AuditedConfiguration, audit
from flink_job.audit.by_definition import OutcomeEvents, contained
from flink_job.audit.cohorts import together, without
from flink_job.audit.comparing import EVERYONE
from flink_job.audit.findings import Audit, Question
from flink_job.audit.groups import CohortRange, audited_groups
from flink_job.audit.merging import merged
from operators.contracts.outcomes import Cohort, DayOutcomes, OutcomeRecord, UserOutcome
from operators.contracts.records import encode
from operators.features.spec import FeatureSpec
from operators.rules.checking import check
from operators.rules.spec import SegmentSpec
from operators.settings import judged_columns
from tests.unit.audit_records import cohort, of_users

REST = of_users(5_000, 250)


def audited(*records: OutcomeRecord, **asked: object) -> Audit:
    question = msgspec.convert({"kind": "question", **asked}, Question)
    return audit(records, question, AuditedConfiguration())


def test_cohorts_add_up_and_are_taken_from_each_other() -> None:
    first = msgspec.structs.replace(of_users(10, 4), retained=[10, 5])
    second = msgspec.structs.replace(of_users(6, 1, cart=2), retained=[6, 2, 1])
    total = together([first, second])
    assert (total.users, total.retained) == (16, [16, 7, 1])
    assert total.outcomes == {
        "purchase": UserOutcome(5, 5, 50.0, 500.0),
        "cart": UserOutcome(2, 2),
    }
    left = without(total, second)
    assert (left.users, left.outcomes["purchase"], left.retained) == (
        *(10, first.outcomes["purchase"]),
        [10, 5, 0],
    )


def test_of_a_segment_the_newest_definition_counts() -> None:
    old = cohort("A", of_users(900, 90), REST, series="old", cohort="2026-11-09", version=1)
    new = cohort("A", of_users(300, 30), REST, series="new", version=2)
    day = DayOutcomes(name="A", series="newer", day="2026-11-12", version=3)
    (group,) = audited_groups([new, day, old], CohortRange())
    assert (group.series, group.members.users) == ("new", 300)


def test_only_cohorts_of_the_range_count() -> None:
    weeks = ["2026-10-26", "2026-11-02", "2026-11-09"]
    records = [cohort("A", of_users(100, 10), REST, cohort=week) for week in weeks]
    (group,) = audited_groups(records, CohortRange("2026-10-30", "2026-11-02"))
    assert (group.members.users, list(group.strata["period"])) == (100, ["2026-11-02"])
    assert audited_groups(records, CohortRange("2027-01-01")) == []


def test_cohorts_add_up_and_are_kept_apart() -> None:
    told = [
        cohort("A", of_users(200, 20), of_users(300, 30), cohort="2026-11-09", stratum="phone"),
        cohort("A", of_users(100, 30), of_users(900, 270), stratum="phone"),
        cohort("A", of_users(50, 5), of_users(90, 9)),
    ]
    (group,) = audited_groups(told, CohortRange())
    assert group.members == of_users(350, 55)
    assert {
        by: {name: members.users for name, (members, _) in strata.items()}
        for by, strata in group.strata.items()
    } == {
        "period": {"2026-11-02": 150, "2026-11-09": 200},
        "stratum": {"": 50, "phone": 300},
    }


def test_groups_are_compared_with_all_others_and_without_each_other() -> None:
    both = of_users(200, 100)
    first = cohort("A", of_users(1_000, 300), REST, both={"B": both})
    second = cohort("B", of_users(1_200, 200), REST, both={"A": both})
    found = audited(first, second).differences
    conversions = [each for each in found if each.measure == "conversion"]
    assert [(each.group, each.other, each.sides) for each in conversions] == [
        ("A", EVERYONE, "everyone"),
        ("B", EVERYONE, "everyone"),
        ("A", "B", "each without the other"),
    ]
    apart = conversions[-1]
    assert (apart.users, apart.other_users) == (800, 1_000)
    assert (apart.of_group, apart.of_other) == (0.25, 0.1)
    assert apart.difference == pytest.approx(0.15)
    assert apart.low < apart.difference < apart.high
    assert apart.test == "chi-squared"
    assert apart.p <= apart.adjusted <= 0.05
    assert apart.differs
    values = [each for each in found if each.measure == "value"]
    assert [each.test for each in values] == ["Welch's t"] * 3
    assert values[-1].difference == pytest.approx(1.5)


def test_what_lies_in_another_is_compared_with_the_rest_of_it() -> None:
    inner = of_users(400, 200)
    first = cohort("Inner", inner, REST, both={"Outer": inner})
    second = cohort("Outer", of_users(2_000, 400), REST, both={"Inner": inner})
    within = [x for x in audited(first, second).differences if x.sides == "within"]
    assert [(x.group, x.other, x.users, x.other_users) for x in within] == [
        ("Inner", "Outer", 400, 1_600)
    ] * 2
    assert within[0].of_other == 200 / 1_600


def test_too_few_are_compared_with_nothing_and_said_to_be() -> None:
    found = audited(cohort("A", of_users(99, 50), REST), cohort("B", of_users(100, 50), REST))
    assert [each.small for each in found.groups] == [True, False]
    assert {each.group for each in found.differences} == {"B"}
    usual = found.groups[1].detectable
    assert usual == pytest.approx(2.8016 * (0.05 * 0.95 * (1 / 100 + 1 / 5_000)) ** 0.5, rel=1e-4)


def test_a_reversal_is_flagged() -> None:
    # In the second week, and by phone, less was bought, and most of the members came so.
    poor = cohort("A", of_users(9_000, 900), of_users(1_000, 60), stratum="phone")
    rich = cohort("A", of_users(1_000, 400), of_users(9_000, 3_000))
    later = msgspec.structs.replace(poor, cohort="2026-11-09", stratum=None)
    assert [each.reverses for each in audited(later, rich).strata] == [True, True]
    (conversion, value) = audited(poor, rich).strata
    assert (conversion.by, conversion.strata) == ("stratum", 2)
    assert conversion.high < 0 < conversion.within_low
    assert conversion.reverses
    assert value.reverses
    assert conversion.odds_ratio is not None
    assert conversion.odds_ratio > 1
    assert conversion.p is not None
    assert conversion.p < 1e-6
    assert (value.odds_ratio, value.p) == (None, None)
    even = [
        cohort("A", of_users(5_000, 1_500), of_users(5_000, 1_000), cohort=week)
        for week in ("2026-11-02", "2026-11-09")
    ]
    assert not any(each.reverses for each in audited(*even).strata)


def test_a_lift_is_told_of_those_who_were_held_out() -> None:
    record = cohort("A", of_users(9_000, 1_350), REST, held_out=of_users(1_000, 90))
    holdouts = {"A": 0.1}
    found = audit([record], Question(), AuditedConfiguration(holdouts=holdouts))
    conversion, value = found.lifts
    assert conversion.difference == pytest.approx(0.06)
    assert conversion.low > 0
    assert conversion.lift == pytest.approx(0.15 / 0.09 - 1)
    assert conversion.lift_low is not None
    assert 0 < conversion.lift_low < conversion.lift
    assert conversion.proven
    assert value.difference == pytest.approx(0.6)
    (ratio,) = found.ratios
    assert (ratio.share, ratio.wrong) == (0.1, False)
    odd = audit([record], Question(), AuditedConfiguration(holdouts={"A": 0.2}))
    assert [each.wrong for each in odd.ratios] == [True]
    assert [(each.proven, each.trusted) for each in odd.lifts] == [(False, False)] * 2
    none = cohort("A", of_users(9_000, 1_350), REST, held_out=of_users(1_000, 9))
    assert audited(none).lifts == []  # too few have bought to say how much that varies


def test_the_same_members_are_one_segment() -> None:
    both = of_users(980, 98)
    records = [
        cohort("A", of_users(1_000, 100), REST, both={"B": both}),
        cohort("B", of_users(990, 99), REST, both={"A": both}),
    ]
    (same,) = audited(*records).same
    assert (same.because, same.shared) == ("members", pytest.approx(980 / 1_010))
    assert same.by_hand == "not in the configuration any more"


SEGMENTS = {
    "A": SegmentSpec(when="views > 3", members=("ann",)),
    "B": SegmentSpec(when="carts > 1 OR views > 9", members=("bob",), owner="bob"),
    "C": SegmentSpec(when="views > 1 AND NOT In_Segment( 'B' )", leave_when="carts > 0"),
    "D": SegmentSpec(when="in_segment('C') AND device = 'phone'", holdout="10%"),
}
FEATURES = msgspec.convert(
    {
        "views": {"count": "view", "window": "7d"},
        "carts": {"count": "cart", "window": "7d"},
        "spend": {"sum": "price", "window": "7d"},
        "age": {"since": "purchase"},
        "device": {"last": "device"},
    },
    dict[str, FeatureSpec],
)


def test_what_is_proposed_can_be_previewed() -> None:
    alike = [
        cohort("A", of_users(30_000, 9_000), REST),
        cohort("B", of_users(30_000, 9_010), REST),
        cohort("C", of_users(30_000, 3_000), REST),
    ]
    found = audit(alike, Question(), AuditedConfiguration(segments=SEGMENTS))
    (same,) = found.same
    assert (same.because, same.measures) == (
        "behaviour",
        ["purchase conversion", "purchase per user"],
    )
    assert (same.when, same.without) == ("(views > 3) OR (carts > 1 OR views > 9)", "B")
    plain = json.loads(encode({name: omitted(spec) for name, spec in SEGMENTS.items()}))
    assert merged(same, plain) == {
        "A": {"when": same.when, "members": ["ann", "bob"]},
        "C": {"when": "views > 1 AND NOT In_Segment( 'A' )", "leave_when": "carts > 0"},
        "D": {"when": "in_segment('C') AND device = 'phone'", "holdout": "10%"},
    }
    checked, problems = check(
        msgspec.convert(merged(same, plain), dict[str, SegmentSpec]), judged_columns(FEATURES, {})
    )
    assert (len(checked), problems) == (3, [])


def omitted(spec: SegmentSpec) -> dict[str, object]:
    usual = SegmentSpec()
    return {
        field.encode_name: getattr(spec, field.name)
        for field in msgspec.structs.fields(SegmentSpec)
        if getattr(spec, field.name) != getattr(usual, field.name)
    }


def test_what_differs_otherwise_is_merged_by_hand() -> None:
    alike = [
        cohort("A", of_users(30_000, 9_000), REST),
        cohort("D", of_users(30_000, 9_010), REST),
    ]
    (same,) = audit(alike, Question(), AuditedConfiguration(segments=SEGMENTS)).same
    assert (same.when, same.by_hand) == (None, "they differ in holdout")


def test_a_condition_that_asks_for_the_outcome_is_found() -> None:
    specs = {
        **SEGMENTS,
        "Buyers": SegmentSpec(when="age < 60"),
        "Spenders": SegmentSpec(when="spend > 10"),
        "Of Buyers": SegmentSpec(when="in_segment('Buyers') AND views > 3"),
        "Clustered": SegmentSpec(when="cluster = 3"),
    }
    columns = judged_columns(FEATURES, {})
    segments = {each.name: each for each in check(specs, columns)[0]}
    outcomes = {
        "bought": OutcomeEvents(("purchase",), "price"),
        "carted": OutcomeEvents(("cart", "wishlist")),
        "did": OutcomeEvents(None),
    }
    found = contained(segments, FEATURES, {"cluster": ("carts",)}, outcomes)
    assert {name: sorted(each) for name, each in found.items()} == {
        "A": ["did"],
        "B": ["carted", "did"],
        "C": ["carted", "did"],
        "D": ["carted", "did"],
        "Buyers": ["bought", "did"],
        "Spenders": ["bought"],
        "Of Buyers": ["bought", "did"],
        "Clustered": ["carted", "did"],
    }
    rich = cohort("Buyers", of_users(1_000, 900), REST)
    marked = audit([rich], Question(), AuditedConfiguration(contained={"Buyers": {"purchase"}}))
    assert all(each.by_definition for each in marked.differences)


def test_what_never_happens_and_what_is_everywhere_the_same_is_doubted() -> None:
    nothing = [cohort(name, of_users(1_000, 0), of_users(1_000, 0)) for name in "ABC"]
    (doubt,) = audited(*nothing).doubts
    assert doubt.text.startswith("purchase has not happened to anybody")
    same = [cohort(name, of_users(1_000, 50), of_users(1_000, 50)) for name in "ABC"]
    assert [each.text for each in audited(*same).doubts] == [
        f"purchase {what} is the same number in all 3 groups: is it theirs?"
        for what in ("conversion", "per user")
    ]
    assert audited().differences == []


def test_findings_are_lines_of_json() -> None:
    lines = [
        json.loads(encode(each))
        for each in audited(cohort("A", of_users(200, 20), REST)).findings()
    ]
    assert [each["kind"] for each in lines] == ["question", "group", "difference", "difference"]
    assert lines[1]["measures"][0] == {
        **{"outcome": "purchase", "measure": "conversion"},
        **{"members": 0.1, "held_out": None, "others": 0.05},
    }
    assert msgspec.convert({"kind": "question"}, Question) == Question()
    assert Cohort() == together([])
