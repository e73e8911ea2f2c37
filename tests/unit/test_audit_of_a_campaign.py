"""An audit of a randomised campaign of which the results are published: Hillstrom's, of 2008."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from functools import cache

import pytest

from flink_job.audit.auditing import AuditedConfiguration, audit
from flink_job.audit.findings import Audit, Question
from operators.contracts.outcomes import Cohort, CohortOutcomes, UserOutcome
from tests.samples import DATA

MAILS = ("Mens E-Mail", "Womens E-Mail")


def brought(rows: list[tuple[int, int, float]]) -> Cohort:
    """Visits, purchases and money of customers, each an outcome of its own."""
    visits = sum(visit for visit, _, _ in rows)
    buyers, spent = sum(buys for _, buys, _ in rows), [money for _, _, money in rows]
    squares = sum(money**2 for money in spent)
    return Cohort(
        users=len(rows),
        outcomes={
            "visit": UserOutcome(visits, visits),
            "purchase": UserOutcome(buyers, buyers, sum(spent), squares),
        },
    )


@cache
def campaign() -> Audit:
    """Each mail as a segment of which those without any were held out."""
    path = DATA / "hillstrom.csv.gz"
    if not path.is_file():
        pytest.skip(f"there is no {path}: a real campaign was NOT audited; set FLOCKWISE_DATA")
    rows: defaultdict[str, list[tuple[int, int, float]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            told = int(row["visit"]), int(row["conversion"]), float(row["spend"])
            rows[row["segment"]].append(told)
    cohorts = {name: brought(own) for name, own in rows.items()}
    records = [
        CohortOutcomes(
            *(mail, "2008", "2008-03-20"),
            members=cohorts[mail],
            held_out=cohorts["No E-Mail"],
            others=cohorts["No E-Mail"],
        )
        for mail in MAILS
    ]
    halves = dict.fromkeys(MAILS, 0.5)
    return audit(records, Question(), AuditedConfiguration(holdouts=halves))


def test_what_the_mails_brought_is_what_was_published() -> None:
    lifts = {(each.group, each.outcome, each.measure): each for each in campaign().lifts}
    mens = lifts["Mens E-Mail", "visit", "conversion"]
    assert mens.of_members == pytest.approx(0.1828, abs=1e-4)
    assert mens.of_held_out == pytest.approx(0.1062, abs=1e-4)
    assert mens.low > 0.06
    womens = lifts["Womens E-Mail", "visit", "conversion"]
    assert womens.of_members == pytest.approx(0.1514, abs=1e-4)
    assert lifts["Mens E-Mail", "purchase", "value"].difference == pytest.approx(0.77, abs=0.01)
    assert lifts["Womens E-Mail", "purchase", "value"].difference == pytest.approx(0.42, abs=0.01)
    assert all(each.trusted for each in lifts.values())


def test_what_is_sure_is_proven_and_the_shares_are_right() -> None:
    found = campaign()
    proven = {(each.group, each.outcome) for each in found.lifts if each.proven}
    assert {(mail, "visit") for mail in MAILS} <= proven
    assert ("Mens E-Mail", "purchase") in proven
    assert not any(each.wrong for each in found.ratios)


def test_the_mails_differ_and_are_not_the_same() -> None:
    between = [each for each in campaign().differences if each.other in MAILS]
    (visit,) = [each for each in between if each.outcome == "visit"]
    assert visit.differs
    assert visit.difference == pytest.approx(0.0313, abs=1e-3)
    assert campaign().same == []
