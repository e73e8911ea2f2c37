"""Which cluster is which, against all ways to pair them, and whatever order things come in."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operators.base.arrays import Floats, Ints
from operators.clustering.clusters import Act
from operators.clustering.identity.matching import KnownClusters, Matched, match
from tests.effort import examples

SAME, PART = 0.5, 0.25


class Case(NamedTuple):
    before: KnownClusters
    centers: Floats
    was: Ints
    now: Ints

    def matched(self) -> Matched:
        return match(*self)


@st.composite
def cases(draw: st.DrawFn, nowhere: bool = True) -> Case:
    """Up to five clusters before and after, some of them without users, up to 40 users."""
    k_before, k, d = draw(st.integers(0, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 3))
    places = st.integers(-4, 4).map(float) | st.floats(-100, 100)
    centers = draw(arrays.arrays(np.float64, (k_before + k, d), elements=places))
    n = draw(st.integers(0, 40))
    first = -1 if nowhere or not k_before else 0
    was = draw(arrays.arrays(np.int64, n, elements=st.integers(first, k_before - 1)))
    now = draw(arrays.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    ids = np.array(draw(st.permutations(range(3, 3 + k_before))), np.int64)
    return Case(KnownClusters(ids, centers[:k_before], 20), centers[k_before:], was, now)


def distance(one: Floats, other: Floats) -> float:
    return sum((a - b) ** 2 for a, b in zip(one.tolist(), other.tolist(), strict=True)) ** 0.5


def may_be_the_same(case: Case, row: int, column: int) -> bool:
    """The rule in plain words, one pair at a time."""
    pairs = list(zip(case.was.tolist(), case.now.tolist(), strict=True))
    members_before = sum(was == row for was, _ in pairs)
    members = sum(now == column for was, now in pairs if was >= 0)
    if members_before and members:
        shared = pairs.count((row, column))
        low, high = sorted((members_before, members))
        return shared >= SAME * low and shared >= PART * high
    centers = case.before.centers
    others = [distance(centers[row], x) for at, x in enumerate(centers) if at != row]
    return distance(centers[row], case.centers[column]) <= min(others, default=np.inf) / 2


def all_pairings(case: Case) -> list[list[tuple[int, int]]]:
    """Every way to pair clusters that may be the same, one to one."""
    columns = [*range(len(case.centers)), *[None] * len(case.before.ids)]
    found = []
    for chosen in set(itertools.permutations(columns, len(case.before.ids))):
        pairs = [(row, at) for row, at in enumerate(chosen) if at is not None]
        if all(may_be_the_same(case, *pair) for pair in pairs):
            found.append(pairs)
    return found


def worth(case: Case, pairs: list[tuple[int, int]]) -> tuple[int, float]:
    """Users who keep their id, then how close the centers are."""
    centers = [(case.before.centers[row], case.centers[column]) for row, column in pairs]
    apart = [distance(b, a) for b in case.before.centers for a in case.centers]
    widest = max(apart, default=0.0) or 1.0
    users = zip(case.was.tolist(), case.now.tolist(), strict=True)
    return sum(user in pairs for user in users), sum(
        1 - distance(*x) / (2 * widest) for x in centers
    )


def kept(case: Case, found: Matched) -> list[tuple[int, int]]:
    rows = {who: row for row, who in enumerate(case.before.ids.tolist())}
    return sorted((rows[who], at) for at, who in enumerate(found.ids.tolist()) if who in rows)


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_no_other_pairing_keeps_more_users_or_is_closer(case: Case) -> None:
    chosen = worth(case, kept(case, case.matched()))
    best = max(worth(case, pairs) for pairs in all_pairings(case))
    assert chosen[0] == best[0]
    assert chosen[1] == pytest.approx(best[1], abs=1e-9)


@settings(deadline=None, max_examples=examples(100))
@given(cases())
def test_only_what_may_be_the_same_is_kept_and_no_id_is_given_twice(case: Case) -> None:
    found = case.matched()
    assert all(may_be_the_same(case, *pair) for pair in kept(case, found))
    new = set(found.ids.tolist()) - set(case.before.ids.tolist())
    assert len(set(found.ids.tolist())) == len(case.centers)
    assert new == set(range(case.before.next_id, found.next_id))


@settings(deadline=None, max_examples=examples(100))
@given(cases())
def test_each_cluster_that_came_or_went_has_one_act_and_a_kept_one_none(case: Case) -> None:
    found = case.matched()
    before, after = set(case.before.ids.tolist()), set(found.ids.tolist())
    ends = [act for act in found.acts if act.kind in ("merged", "died")]
    begins = [act for act in found.acts if act.kind in ("split", "born")]
    assert sorted(act.id for act in ends) == sorted(before - after)
    assert sorted(act.id for act in begins) == sorted(after - before)
    for act in ends:
        assert set(act.others) <= after
        assert bool(act.others) == (act.kind == "merged")
    for act in begins:
        assert set(act.others) <= before
        assert bool(act.others) == (act.kind == "split")


@settings(deadline=None, max_examples=examples(66))
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_users_changes_nothing(case: Case, random: np.random.Generator) -> None:
    order = list(range(len(case.was)))
    random.shuffle(order)
    shuffled = case._replace(was=case.was[order], now=case.now[order])
    assert shuffled.matched().ids.tolist() == case.matched().ids.tolist()
    assert shuffled.matched().acts == case.matched().acts


@settings(deadline=None, max_examples=examples(66))
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7), st.data())
def test_the_order_of_centers_changes_no_identity(
    seed: int, k_before: int, k: int, data: st.DataObject
) -> None:
    # Of centers drawn from an interval no two pairs are equally good.
    random = np.random.default_rng(seed)
    places = random.normal(size=(k_before + k, 2))
    was, now = random.integers(0, k_before, 50), random.integers(0, k, 50)
    before = KnownClusters(np.arange(k_before), places[:k_before], 20)
    case = Case(before, places[k_before:], was, now)
    to = np.array(data.draw(st.permutations(range(k_before))))
    order = np.array(data.draw(st.permutations(range(k))))
    known = KnownClusters(before.ids[to], before.centers[to], 20)
    other = Case(known, case.centers[order], np.argsort(to)[was], np.argsort(order)[now])
    mine, theirs = case.matched().ids[order], other.matched().ids
    # New ids are given by rows; that a cluster is new is told whatever row it stands in.
    assert np.minimum(mine, 20).tolist() == np.minimum(theirs, 20).tolist()


@settings(deadline=None, max_examples=examples(66))
@given(cases(nowhere=False))
def test_a_version_that_is_the_same_keeps_everyone(case: Case) -> None:
    centers = case.before.centers
    # Of centers at one place, without members, any may be any.
    assume(0 < len(centers) == len(np.unique(centers, axis=0)))
    again = case._replace(centers=centers, now=case.was).matched()
    assert again.ids.tolist() == case.before.ids.tolist()
    assert again.acts == ()
    assert again.next_id == case.before.next_id


# Examples, with clusters 1 at 0, 2 at 10, and 3 at 30.

BEFORE = KnownClusters(np.array([1, 2, 3]), np.array([[0.0], [10.0], [30.0]]), next_id=7)


def case_of(centers: list[float], *moves: tuple[int, int, int]) -> Case:
    """New centers, and moves: from which row to which, and how many users."""
    rows = np.array([move[:2] for move in moves for _ in range(move[2])]).reshape(-1, 2)
    return Case(BEFORE, np.array(centers)[:, np.newaxis], rows[:, 0], rows[:, 1])


@pytest.mark.parametrize(
    ("case", "ids", "acts"),
    [
        pytest.param(
            case_of([30, 0, 10], (0, 1, 9), (1, 2, 9), (2, 0, 9)), [3, 1, 2], (), id="kept"
        ),
        pytest.param(
            case_of([0, 9, 11, 30], (0, 0, 9), (1, 1, 5), (1, 2, 4), (2, 3, 9)),
            [1, 2, 7, 3],
            (Act("split", 7, (2,)),),
            id="split",
        ),
        pytest.param(
            case_of([6, 30], (0, 0, 4), (1, 0, 9), (2, 1, 9)),
            [2, 3],
            (Act("merged", 1, (2,)),),
            id="merged",
        ),
        pytest.param(
            case_of([0, 10, 30, 90], (0, 0, 9), (1, 1, 9), (2, 2, 9), (-1, 3, 5), (2, 3, 1)),
            [1, 2, 3, 7],
            (Act("born", 7),),
            id="born of users who were nowhere",
        ),
        pytest.param(
            case_of([0, 10, 90], (0, 0, 9), (1, 1, 9)),
            [1, 2, 7],
            (Act("died", 3), Act("born", 7)),
            id="far from any and without members",
        ),
        pytest.param(
            case_of([0, 10, 39], (0, 0, 9), (1, 1, 9)), [1, 2, 3], (), id="near, without members"
        ),
        pytest.param(
            case_of([0, 10, 31], (0, 0, 9), (1, 1, 9), (1, 2, 3)),
            [1, 2, 3],
            (),
            id="near, without members before",
        ),
        pytest.param(
            case_of([0, 10, 30], (0, 0, 9), (1, 1, 11), (2, 1, 9), (1, 2, 3)),
            [1, 2, 7],
            (Act("merged", 3, (2,)), Act("split", 7, (2,))),
            id="at the same place with others' members",
        ),
        pytest.param(
            case_of([0, 10, 20, 30], (0, 0, 50), (1, 1, 50), (0, 2, 4), (1, 2, 4), (2, 3, 9)),
            [1, 2, 7, 3],
            (Act("split", 7, (1, 2)),),
            id="of two others",
        ),
    ],
)
def test_what_became_of_clusters(case: Case, ids: list[int], acts: tuple[Act, ...]) -> None:
    found = case.matched()
    assert found.ids.tolist() == ids
    assert found.acts == acts


def test_the_first_version_is_born() -> None:
    nobody = KnownClusters(np.arange(0), np.empty((0, 2)), next_id=1)
    found = match(nobody, np.eye(2), np.array([-1, -1]), np.array([0, 1]))
    assert found.ids.tolist() == [1, 2]
    assert found.acts == (Act("born", 1), Act("born", 2))
    assert found.next_id == 3


def test_one_cluster_alone_stays_itself_without_a_sample() -> None:
    alone = KnownClusters(np.array([4]), np.zeros((1, 2)), next_id=5)
    found = match(alone, np.ones((1, 2)), np.arange(0), np.arange(0))
    assert found.ids.tolist() == [4]
