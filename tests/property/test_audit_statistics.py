"""What must hold of an audit's statistics whatever the counts are."""

from __future__ import annotations

from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from flink_job.audit.contingency import two_by_two
from flink_job.audit.corrections import benjamini_hochberg, holm
from flink_job.audit.equivalence import overlap, two_one_sided
from flink_job.audit.proportions import Shares
from flink_job.audit.sequential import always_valid_p, reach
from flink_job.audit.strata import mantel_haenszel
from flink_job.audit.welch import Means
from operators.base.arrays import Floats
from tests.effort import examples

EXACT: Final = 1e-12
SEVERAL: Final = settings(max_examples=examples(200))
users = st.integers(2, 100_000)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@st.composite
def counted(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Converted and all users of one group, and of another."""
    n, m = draw(users), draw(users)
    return draw(st.integers(0, n)), n, draw(st.integers(0, m)), m


def pair(counts: tuple[int, int, int, int]) -> Shares:
    return Shares(*(np.array([each], np.float64) for each in counts))


def swapped(counts: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return counts[2], counts[3], counts[0], counts[1]


def tables(counts: tuple[int, int, int, int]) -> Floats:
    a, n, c, m = counts
    return np.array([[[a, n - a], [c, m - c]]], np.float64)


@given(counted())
@SEVERAL
def test_p_of_shares_is_scipys(counts: tuple[int, int, int, int]) -> None:
    tested = two_by_two(tables(counts))
    (table,) = tables(counts)
    if tested.exact[0]:
        theirs = stats.fisher_exact(table.astype(int)).pvalue
    else:
        theirs = stats.chi2_contingency(table, correction=False).pvalue
    assert abs(tested.p[0] - theirs) <= EXACT
    assert 0 <= tested.cramers_v[0] <= 1 + EXACT


@given(counted())
@SEVERAL
def test_whoever_comes_first_makes_no_difference(counts: tuple[int, int, int, int]) -> None:
    there, back = pair(counts), pair(swapped(counts))
    np.testing.assert_allclose(two_by_two(tables(counts)).p, two_by_two(tables(swapped(counts))).p)
    (low, high), (other_low, other_high) = there.interval(0.05), back.interval(0.05)
    np.testing.assert_allclose([low, high], [-other_high, -other_low], atol=1e-7)
    margin = np.array([0.03])
    np.testing.assert_allclose(
        two_one_sided(there, margin), two_one_sided(back, margin), rtol=1e-6, atol=1e-9
    )


@given(counted())
@SEVERAL
def test_an_interval_holds_what_was_seen(counts: tuple[int, int, int, int]) -> None:
    low, high = pair(counts).interval(0.05)
    assert low[0] - 1e-9 <= pair(counts).difference[0] <= high[0] + 1e-9


@given(counted(), st.floats(0.001, 0.5), st.floats(0.005, 0.4))
@SEVERAL
def test_two_one_sided_tests_say_what_the_interval_says_of_shares(
    counts: tuple[int, int, int, int], margin: float, alpha: float
) -> None:
    low, high = pair(counts).interval(2 * alpha)
    within = max(-low[0], high[0]) - margin
    p = two_one_sided(pair(counts), np.array([margin]))[0]
    if abs(within) > 1e-6:
        assert (p <= alpha) == (within < 0)


@given(
    st.lists(st.floats(0, 1e4), min_size=2, max_size=40),
    st.lists(st.floats(0, 1e4), min_size=2, max_size=40),
    st.floats(0.1, 1e4),
    st.floats(0.005, 0.4),
)
@SEVERAL
def test_two_one_sided_tests_say_what_the_interval_says_of_means(
    first: list[float], second: list[float], margin: float, alpha: float
) -> None:
    sides = [np.array(side) for side in (first, second)]
    sums = [np.array([x]) for s in sides for x in (len(s) * 1.0, s.sum(), (s**2).sum())]
    found = Means(*sums)
    low, high = found.interval(2 * alpha)
    within = max(-low[0], high[0]) - margin
    if np.isfinite(within) and abs(within) > 1e-6 * max(margin, 1):
        assert (two_one_sided(found, np.array([margin]))[0] <= alpha) == (within < 0)


@given(p_values, st.floats(0.001, 0.999))
@SEVERAL
def test_corrections_keep_the_order_and_only_raise(p: Floats, alpha: float) -> None:
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert np.all(corrected >= p)
        assert np.all(corrected <= 1)
        assert np.all(np.diff(corrected[np.argsort(p, kind="stable")]) >= 0)
    assert np.all(benjamini_hochberg(p) <= holm(p) + EXACT)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), atol=EXACT)


@given(p_values, st.floats(0.001, 0.999))
@SEVERAL
def test_holm_rejects_what_stepping_down_rejects(p: Floats, alpha: float) -> None:
    rejected = np.zeros(len(p), bool)
    for step, at in enumerate(np.argsort(p, kind="stable").tolist()):
        if p[at] * (len(p) - step) > alpha:
            break
        rejected[at] = True
    assert ((holm(p) <= alpha) == rejected).all()


@given(st.floats(-8, 8), st.floats(2, 1e7), st.floats(0.001, 0.2))
@SEVERAL
def test_always_valid_p_and_interval_agree(score: float, pairs: float, alpha: float) -> None:
    many = np.array([pairs])
    end = reach(np.ones(1), many, alpha)[0]
    if abs(abs(score) - end) > 1e-6:
        p = always_valid_p(np.array([score]), many, alpha)[0]
        assert (p <= alpha) == (abs(score) > end)


@given(st.lists(counted(), min_size=1, max_size=6))
@SEVERAL
def test_strata_that_are_one_are_tested_as_one(strata: list[tuple[int, int, int, int]]) -> None:
    several = np.concatenate([tables(each) for each in strata])
    found = mantel_haenszel(several)
    assert 0 <= found.p <= 1
    if len(strata) == 1:
        n = several.sum()
        usual = two_by_two(several)
        if not usual.exact[0]:  # the two differ by n - 1 in place of n
            statistic = stats.chi2.isf(usual.p[0], 1) * (n - 1) / n
            np.testing.assert_allclose(found.p, stats.chi2.sf(statistic, 1), rtol=1e-6, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.floats(0.005, 0.4))
@SEVERAL
def test_the_bound_of_an_overlap_lies_below_it(shared: int, more: int, alpha: float) -> None:
    either = float(shared + more)
    share, low = overlap(np.array([float(shared)]), np.array([either]), alpha)
    assert -1e-9 <= low[0] <= share[0]
