"""Marks against plain Python, and what holds of names whatever the clusters are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operators.base.arrays import Floats, Ints
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.clusters import Cluster
from operators.clustering.identity.marks import Marks
from operators.clustering.identity.naming import Named, Namer
from operators.clustering.space import Space
from operators.clustering.spec import Pinned
from tests.effort import examples

pytestmark = pytest.mark.filterwarnings("error")

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("views_7d", Kind.NUMBER, empty=0.0, counts=True),
        FeatureColumn("spend_30d", Kind.NUMBER, empty=0.0),
        FeatureColumn("mean_price", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, unit_us=1),
        FeatureColumn("device", Kind.CATEGORY, categories=("mobile", "desktop")),
    )
}
SPACE = Space.of(list(COLUMNS), COLUMNS)
AGES = np.array([False, False, False, True, False, False])
VALUES = st.one_of(
    st.integers(0, 4).map(float),
    st.just(math.nan),
    st.floats(),
    st.sampled_from([math.inf, -math.inf, 1e300]),
)


@st.composite
def samples(draw: st.DrawFn) -> tuple[Floats, Ints, int]:
    """Up to 40 users, each in one of up to six clusters, some of which may be empty."""
    n, k = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    points = draw(arrays.arrays(np.float64, (n, len(SPACE)), elements=VALUES))
    points[:, 4:] = np.nan_to_num(points[:, 4:]) > 1
    return points, draw(arrays.arrays(np.int64, n, elements=st.integers(0, k - 1))), k


def named(
    sample: tuple[Floats, Ints, int],
    ids: Ints,
    before: tuple[Cluster, ...] = (),
    pinned: Mapping[int, Pinned] | None = None,
) -> tuple[Named, ...]:
    points, cluster, _ = sample
    return Namer(SPACE, COLUMNS, pinned or {}).name(points, cluster, ids, before)


def clusters(ids: Ints, names: tuple[Named, ...]) -> tuple[Cluster, ...]:
    return tuple(
        Cluster(who, name.name, 0.1, 1, 1.0, name.marks)
        for who, name in zip(ids.tolist(), names, strict=True)
    )


def scores(column: list[float], age: bool) -> list[float]:
    """Normal scores with deviation 1, one user at a time."""
    known = [math.inf if age and math.isnan(x) else x for x in column]
    values = [x for x in known if not math.isnan(x)]
    found = []
    for x in known:
        below, same = sum(y < x for y in values), sum(y == x for y in values)
        rank = (below + same / 2) / max(len(values), 1)
        found.append(0.0 if math.isnan(x) else NormalDist().inv_cdf(rank))
    mean = math.fsum(found) / len(found)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in found) / len(found))
    return [x / deviation if deviation > 1e-9 else 0.0 for x in found]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


@settings(deadline=None, max_examples=examples(50))
@given(samples())
def test_marks_are_what_plain_python_computes(sample: tuple[Floats, Ints, int]) -> None:
    points, cluster, k = sample
    marks = Marks.of(points, AGES, cluster, k)
    for at, column in enumerate(points.T.tolist()):
        score = scores(column, bool(AGES[at]))
        for row in range(k):
            inside = [x for x, own in zip(score, cluster.tolist(), strict=True) if own == row]
            outside = [x for x, own in zip(score, cluster.tolist(), strict=True) if own != row]
            apart = mean(inside) - mean(outside) if inside and outside else 0.0
            if inside:
                assert marks.strength[row, at] == pytest.approx(apart, abs=1e-6)
                own = [x for x, held in zip(column, cluster.tolist(), strict=True) if held == row]
                none = [math.isnan(x) or x == math.inf if AGES[at] else x == 0 for x in own]
                assert marks.nothing[row, at] == pytest.approx(sum(none) / len(none))
    assert np.isfinite(marks.strength).all()


@settings(deadline=None, max_examples=examples(66))
@given(samples(), samples(), st.data())
def test_names_are_unique_and_those_that_people_gave_win(
    sample: tuple[Floats, Ints, int], earlier: tuple[Floats, Ints, int], data: st.DataObject
) -> None:
    k = sample[2]
    before = clusters(np.arange(earlier[2]), named(earlier, np.arange(earlier[2])))
    ids = np.array(data.draw(st.permutations(range(10))))[:k]
    free = named(sample, ids, before)
    assert not any(each.name.endswith(")") for each in free)  # as ids do behind names
    # What would have been generated is what a name is most easily confused with.
    texts = st.sampled_from([*(each.name for each in free), "Buyers"])
    names = data.draw(st.lists(texts, unique=True, max_size=4))
    who = data.draw(st.permutations(range(10)))
    pinned = {own: Pinned(name, "why") for own, name in zip(who, names, strict=False)}
    found = named(sample, ids, before, pinned)
    assert len({each.name.casefold() for each in found}) == k
    assert all(each.name for each in found)
    for own, each in zip(ids.tolist(), found, strict=True):
        assert (each.name in names) == (own in pinned)
        if own in pinned:
            assert (each.name, each.description) == (pinned[own].name, "why")
        else:
            assert each.description == ""


@settings(deadline=None, max_examples=examples(66))
@given(samples())
def test_the_same_sample_renames_nobody(sample: tuple[Floats, Ints, int]) -> None:
    ids = np.arange(sample[2])
    first = named(sample, ids)
    assert named(sample, ids, clusters(ids, first)) == first


@settings(deadline=None, max_examples=examples(50))
@given(samples(), st.randoms(use_true_random=False))
def test_neither_units_nor_the_order_of_users_or_clusters_count(
    sample: tuple[Floats, Ints, int], random: np.random.Generator
) -> None:
    points, cluster, k = sample
    points = np.where(np.abs(points) < 1e9, points, 0.0).round(3)
    users, rows = list(range(len(points))), list(range(k))
    random.shuffle(users)
    random.shuffle(rows)
    other = points[users] * [2.0, 4.0, 8.0, 16.0, 1.0, 1.0]
    mine = named((points, cluster, k), np.arange(k))
    # Sums in another order differ in the last bits, and of marks as strong any may come first.
    theirs = named((other, np.argsort(rows)[cluster[users]], k), np.array(rows))
    strength = np.abs(Marks.of(points, AGES, cluster, k).strength)
    alone = all(len(np.unique(own.round(6))) == len(SPACE) for own in strength)
    # Whose name is taken decides of others, too.
    if alone and all((np.abs(strength - bar) > 1e-6).all() for bar in (0.1, 0.5)):
        for row, own in enumerate(rows):
            assert sorted(theirs[row].marks) == sorted(mine[own].marks)


def test_samples_of_the_same_users_rename_nobody() -> None:
    """Five kinds of users, marked by what they do; every version sees others of them."""
    random = np.random.default_rng(5)
    kind = random.integers(0, 5, 20_000)
    usual = np.array(
        [[60, 0, 9, 50], [5, 0, 9, 90], [30, 80, 20, 5], [8, 300, 60, 20], [1, 0, 5, 70]]
    )
    numbers = random.poisson(usual[kind]) * 1.0
    numbers[np.isin(kind, (0, 1, 4)) & (random.random(20_000) < 0.9), 3] = np.nan
    mobile = random.random(20_000) < np.array([0.9, 0.3, 0.5, 0.1, 0.8])[kind]
    points = np.column_stack((numbers, mobile, ~mobile))
    before: tuple[Cluster, ...] = ()
    seen = []
    for chosen in np.split(random.permutation(20_000), 40):
        names = named((points[chosen], kind[chosen], 5), np.arange(5), before)
        before = clusters(np.arange(5), names)
        seen.append([each.name for each in names])
    assert seen == [seen[0]] * 40
    # The negative control: without a name before the strongest marks change places.
    alone = {
        tuple(each.name for each in named((points[chosen], kind[chosen], 5), np.arange(5)))
        for chosen in np.split(random.permutation(20_000), 40)
    }
    assert len(alone) > 1
