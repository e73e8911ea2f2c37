"""The statistics of an audit, against scipy, published figures and what was worked out by hand."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from scipy import stats

from flink_job.audit.contingency import chi_squared, cramers_v, two_by_two
from flink_job.audit.corrections import adjusted, benjamini_hochberg, holm
from flink_job.audit.equivalence import in_all, overlap, two_one_sided
from flink_job.audit.proportions import Shares
from flink_job.audit.sample_ratio import ratio_test
from flink_job.audit.sequential import always_valid_p, pairs_of, reach
from flink_job.audit.strata import mantel_haenszel, reverses, within_strata
from flink_job.audit.welch import Means, variance
from operators.base.arrays import Floats

EXACT: Final = 1e-12

# Admissions at Berkeley in 1973 (Bickel and others 1975): by department, men and women, admitted
# and rejected. R's mantelhaen.test without a correction says what is expected below.
BERKELEY: Final = np.array(
    [
        [[512, 313], [89, 19]],
        [[353, 207], [17, 8]],
        [[120, 205], [202, 391]],
        [[138, 279], [131, 244]],
        [[53, 138], [94, 299]],
        [[22, 351], [24, 317]],
    ],
    np.float64,
)


def shares(*numbers: float) -> Shares:
    return Shares(*(np.array([number], np.float64) for number in numbers))


def means(first: Floats, second: Floats) -> Means:
    return Means(
        *(
            np.array([each])
            for side in (first, second)
            for each in (float(len(side)), side.sum(), (side**2).sum())
        )
    )


def test_chi_squared_is_scipys() -> None:
    drawn = np.random.default_rng(1).integers(5, 400, (200, 2, 2)).astype(np.float64)
    _, p = chi_squared(drawn)
    theirs = [stats.chi2_contingency(table, correction=False) for table in drawn]
    np.testing.assert_allclose(p, [each.pvalue for each in theirs], rtol=EXACT, atol=0)
    v = [stats.contingency.association(table.astype(int), method="cramer") for table in drawn]
    np.testing.assert_allclose(cramers_v(drawn), v, rtol=EXACT)


def test_larger_tables_are_tested_as_scipy_does() -> None:
    drawn = np.random.default_rng(2).integers(5, 60, (50, 3, 4)).astype(np.float64)
    theirs = [stats.chi2_contingency(table, correction=False).pvalue for table in drawn]
    np.testing.assert_allclose(chi_squared(drawn)[1], theirs, rtol=EXACT, atol=0)


def test_where_counts_do_not_allow_it_fishers_test_is_taken() -> None:
    tea = np.array([[[3, 1], [1, 3]], [[300, 100], [100, 300]]], np.float64)
    tested = two_by_two(tea)
    assert tested.exact.tolist() == [True, False]
    assert tested.p[0] == pytest.approx(34 / 70, abs=EXACT)  # Fisher's lady, two-sided
    assert tested.cramers_v.tolist() == pytest.approx([0.5, 0.5])


def test_a_table_of_nothing_says_nothing() -> None:
    tested = two_by_two(np.array([[[0, 10], [0, 20]], [[0, 0], [5, 5]]], np.float64))
    assert tested.p.tolist() == [1.0, 1.0]
    assert tested.cramers_v.tolist() == [0.0, 0.0]


def test_the_score_test_of_no_difference_is_pearsons() -> None:
    drawn = np.random.default_rng(3).integers(5, 400, (200, 2, 2)).astype(np.float64)
    (a, b), (c, d) = np.moveaxis(drawn, 0, -1)
    score = Shares(a, a + b, c, c + d).score(np.zeros(1))
    np.testing.assert_allclose(score**2, chi_squared(drawn)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0533, 0.3377),  # Newcombe 1998, table II, method 5, (a), (b), (c)
        ((9, 10, 3, 10), 0.1821, 0.8370),
        ((6, 7, 2, 7), 0.0544, 0.8478),
    ],
)
def test_intervals_of_shares_are_those_that_were_published(
    counts: tuple[int, ...], low: float, high: float
) -> None:
    found = shares(*counts).interval(0.05)
    assert [float(each[0]) for each in found] == pytest.approx([low, high], abs=1e-4)


def test_the_interval_ends_where_the_score_test_rejects() -> None:
    pair = shares(30, 400, 55, 380)
    low, high = pair.interval(0.05)
    assert pair.score(low)[0] == pytest.approx(1.959963984540054, abs=1e-8)
    assert pair.score(high)[0] == pytest.approx(-1.959963984540054, abs=1e-8)


def test_nobody_and_everybody_can_be_compared() -> None:
    for counts in ((0, 50, 0, 70), (50, 50, 70, 70), (0, 50, 70, 70), (50, 50, 0, 70)):
        low, high = shares(*counts).interval(0.05)
        assert -1 <= low[0] < high[0] <= 1
    assert shares(0, 50, 0, 70).score(np.zeros(1))[0] == 0


def test_welch_is_scipys() -> None:
    random = np.random.default_rng(4)
    for _ in range(100):
        first = random.gamma(0.3, 40, random.integers(2, 200))
        second = random.gamma(0.3, 40, random.integers(2, 200))
        found, theirs = means(first, second), stats.ttest_ind(first, second, equal_var=False)
        assert found.p()[0] == pytest.approx(theirs.pvalue, rel=1e-10, abs=EXACT)
        interval = theirs.confidence_interval(0.95)
        assert [each[0] for each in found.interval(0.05)] == pytest.approx(
            [interval.low, interval.high], rel=1e-9, abs=1e-9
        )


def test_means_that_do_not_vary_are_the_same_or_not() -> None:
    nothing, ten = np.zeros(5), np.full(5, 10.0)
    assert means(nothing, nothing).p()[0] == 1
    assert means(nothing, nothing).cohens_d[0] == 0
    assert means(ten, nothing).p()[0] == 0
    assert np.isnan(variance(np.ones(1), np.ones(1), np.ones(1)))[0]


def test_cohens_d_is_in_standard_deviations() -> None:
    found = means(np.array([1.0, 3.0]), np.array([4.0, 6.0]))
    assert found.cohens_d[0] == pytest.approx(-3 / np.sqrt(2))


def test_corrections_by_hand() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p).tolist() == pytest.approx([0.02, 0.04, 0.04, 0.02])
    theirs = stats.false_discovery_control(p, method="bh")
    np.testing.assert_allclose(adjusted(p, "benjamini-hochberg"), theirs, rtol=EXACT)
    assert adjusted(np.zeros(0), "holm").tolist() == []


def test_sameness_is_shown_by_many_users_and_never_by_few() -> None:
    margin = np.array([0.04])
    few, many = shares(2, 10, 2, 10), shares(2_000, 10_000, 2_010, 10_000)
    assert few.interval(0.05)[0][0] < 0 < few.interval(0.05)[1][0]  # not significant, and yet
    assert two_one_sided(few, margin)[0] > 0.3
    assert two_one_sided(many, margin)[0] < 1e-6
    assert in_all([np.array([0.01, 0.2]), np.array([0.03, 0.1])]).tolist() == [0.03, 0.2]


def test_overlap_is_jaccards_with_a_bound_that_grows_with_users() -> None:
    share, low = overlap(np.array([9.0, 900.0]), np.array([10.0, 1_000.0]), 0.05)
    assert share.tolist() == [0.9, 0.9]
    # One-sided at 5 % is the lower end of the two-sided interval at 10 %.
    wilson = stats.binomtest(900, 1_000).proportion_ci(0.9, method="wilson")
    assert low[1] == pytest.approx(wilson.low, rel=1e-9)
    assert low[0] < 0.7


def test_berkeley_is_what_r_says() -> None:
    found = mantel_haenszel(BERKELEY)
    assert found.odds_ratio == pytest.approx(0.9046968, abs=1e-7)
    # R without its correction: chi-squared 1.5246.
    assert found.p == pytest.approx(float(stats.chi2.sf(1.5246, 1)), abs=1e-5)


def test_a_reversal_is_seen() -> None:
    tables = np.array([[[810, 190], [8_700, 1_300]], [[6_900, 3_100], [730, 270]]], np.float64)
    whole = shares(7_710, 11_000, 9_430, 11_000).interval(0.05)
    parts = [shares(t[0, 0], t[0].sum(), t[1, 0], t[1].sum()) for t in tables]
    differences = np.array([each.difference[0] for each in parts])
    errors = np.array([0.0128, 0.0148])
    adjusted_ = within_strata(
        differences, errors, pairs_of(tables[:, 0].sum(1), tables[:, 1].sum(1))
    )
    assert adjusted_.difference == pytest.approx(-0.05, abs=1e-3)
    assert not reverses((float(whole[0][0]), float(whole[1][0])), adjusted_.interval(0.05))
    assert reverses((0.1, 0.2), adjusted_.interval(0.05))
    assert reverses((-0.2, -0.1), (0.01, 0.02))


def test_an_odds_ratio_of_nobody_is_not_known() -> None:
    found = mantel_haenszel(np.array([[[0, 10], [0, 20]], [[0, 1], [0, 0]]], np.float64))
    assert np.isnan(found.odds_ratio)
    assert found.p == 1


def test_an_always_valid_interval_is_wider_and_narrows() -> None:
    pairs = np.array([10.0, 1_000.0, 1e6])
    error = 1 / np.sqrt(pairs)
    wide = reach(error, pairs, 0.05)
    assert np.all(wide > 1.96 * error)
    assert np.all(np.diff(wide) < 0)
    assert wide[1] / error[1] == pytest.approx(3.0352, abs=1e-4)  # by hand


def test_always_valid_p_is_alpha_at_the_end_of_the_interval() -> None:
    pairs = np.array([10.0, 1_000.0, 1e6])
    at_the_end = reach(np.ones(3), pairs, 0.05)
    np.testing.assert_allclose(always_valid_p(at_the_end, pairs, 0.05), 0.05, rtol=1e-9)
    assert always_valid_p(np.zeros(3), pairs, 0.05).tolist() == [1, 1, 1]


def test_a_wrong_share_of_those_held_out_is_found() -> None:
    fair = ratio_test(np.array([9_010.0]), np.array([990.0]), np.array([0.1]))
    theirs = stats.chisquare([9_010, 990], [9_000, 1_000]).pvalue
    assert fair.p[0] == pytest.approx(theirs, rel=EXACT)
    assert fair.always_valid_p[0] == 1
    odd = ratio_test(np.array([9_300.0]), np.array([700.0]), np.array([0.1]))
    assert odd.p[0] < 1e-20
    assert odd.p[0] < odd.always_valid_p[0] < 1e-15
