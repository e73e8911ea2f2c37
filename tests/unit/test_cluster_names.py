"""What clusters are called, in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from operators.base.arrays import Floats
from operators.base.frame import FeatureColumn, Kind
from operators.clustering.clusters import Cluster
from operators.clustering.identity.naming import LIKE_MOST, Named, Namer
from operators.clustering.identity.words import Claim, wordings
from operators.clustering.space import Space
from operators.clustering.spec import Pinned


def column(name: str, kind: Kind = Kind.NUMBER, **more: object) -> FeatureColumn:
    return FeatureColumn(name, kind, **more)  # type: ignore[arg-type]


def said(*columns: FeatureColumn) -> list[list[str]]:
    """The phrases of each dimension over these features, in the order of the claims."""
    by_name = {each.name: each for each in columns}
    space = Space.of(list(by_name), by_name)
    found = wordings(space.dimensions, by_name)
    return [[each.phrases[claim] for claim in Claim if claim in each.phrases] for each in found]


def somewhat(label: str) -> tuple[str, str]:
    """What is said of a small difference of numbers that are not counted."""
    return f"somewhat higher {label}", f"somewhat lower {label}"


@pytest.mark.parametrize(
    ("feature", "phrases"),
    [
        (
            column("views_7d", empty=0.0, counts=True),
            [
                *("many views", "few views", "no views"),
                *("somewhat more views", "somewhat fewer views"),
            ],
        ),
        (
            column("spend_30d", empty=0.0),
            ["high spend", "low spend", "no spend", *somewhat("spend")],
        ),
        (
            column("mean_price_1.5h"),
            ["high mean price 1.5h", "low mean price 1.5h", *somewhat("mean price 1.5h")],
        ),
        (column("minutes_session"), ["high minutes", "low minutes", *somewhat("minutes")]),
        (
            column("since_purchase", Kind.AGE, unit_us=1),
            [
                *("purchase long ago", "recent purchase", "no purchase"),
                *("purchase somewhat longer ago", "somewhat more recent purchase"),
            ],
        ),
        (
            column("device", Kind.CATEGORY, categories=("mobile",)),
            [
                *("often mobile", "rarely mobile", "not mobile", "mostly mobile"),
                *("somewhat more often mobile", "somewhat less often mobile"),
            ],
        ),
        (
            column("device", Kind.CATEGORY, categories=("",)),
            [
                *("often device ''", "rarely device ''", "not device ''", "mostly device ''"),
                *("somewhat more often device ''", "somewhat less often device ''"),
            ],
        ),
        (column("7d"), ["high 7d", "low 7d", *somewhat("7d")]),
        (column("_7d"), ["high _7d", "low _7d", *somewhat("_7d")]),
    ],
)
def test_what_is_said_of_a_feature(feature: FeatureColumn, phrases: list[str]) -> None:
    assert said(feature) == [phrases]


def test_a_window_stays_where_two_features_would_read_alike() -> None:
    found = said(column("views_7d"), column("views_30d"), column("carts_7d"), column("carts"))
    assert [phrases[0] for phrases in found] == [
        *("high views 7d", "high views 30d", "high carts 7d", "high carts"),
    ]


def test_an_age_stays_one_where_a_count_would_read_alike() -> None:
    found = said(column("cart", counts=True), column("since_cart", Kind.AGE, unit_us=1))
    assert [phrases[1] for phrases in found] == ["few cart", "recent since cart"]


def test_a_category_that_two_features_have_is_told_with_its_feature() -> None:
    features = [column(x, Kind.CATEGORY, categories=("blue",)) for x in ("first_color", "color")]
    assert [phrases[3] for phrases in said(*features)] == [
        "mostly first color 'blue'",
        "mostly color 'blue'",
    ]


COLUMNS = {
    each.name: each
    for each in (
        column("views_7d", empty=0.0, counts=True),
        column("since_cart", Kind.AGE, unit_us=1),
        column("purchases_7d", empty=0.0, counts=True),
    )
}
SPACE = Space.of(list(COLUMNS), COLUMNS)
# Ten of each kind: those who look and put into the cart, buyers, and visitors.
KINDS = [[60.0, 2.0, 0.0], [20.0, 40.0, 3.0], [2.0, math.nan, 0.0]]
POINTS = np.repeat(KINDS, 10, axis=0) + np.tile(np.arange(10)[:, np.newaxis] / 50, (3, 1)) * [
    1,
    1,
    0,
]
ROWS = np.repeat([0, 1, 2], 10)
IDS = np.array([4, 5, 6])


def names(
    points: Floats = POINTS,
    before: tuple[Cluster, ...] = (),
    pinned: dict[int, Pinned] | None = None,
) -> list[Named]:
    return list(Namer(SPACE, COLUMNS, pinned or {}).name(points, ROWS, IDS, before))


def cluster(who: int, name: str, *marks: str) -> Cluster:
    return Cluster(who, name, 0.3, 1, 1.0, marks)


def test_marks_make_a_name_the_strongest_first() -> None:
    lookers, buyers, visitors = (each.name for each in names())
    assert lookers == "recent cart, many views, no purchases"
    assert buyers == "many purchases"
    assert visitors == "no cart, few views, no purchases"


def test_a_name_is_kept_while_its_marks_hold_though_others_are_stronger() -> None:
    old = cluster(4, "many views", "many views")
    assert names(before=(old,))[0].name == "many views"
    assert names(before=(cluster(4, "few views", "few views"),))[0].name != "few views"
    assert names(before=(cluster(4, "many sales", "many sales"),))[0].name == names()[0].name


def test_a_pinned_name_wins_and_the_marks_are_told_with_it() -> None:
    pinned = {4: Pinned("Window Shoppers", "look, and leave"), 9: Pinned("Many Purchases")}
    first, second, _ = names(pinned=pinned)
    assert first == Named("Window Shoppers", names()[0].marks, "look, and leave")
    assert second.name == "many purchases #5"


def test_a_name_that_is_pinned_no_more_is_generated_again() -> None:
    old = cluster(4, "Window Shoppers", *names()[0].marks)
    assert names(before=(old,))[0].name == names()[0].name


def test_the_same_marks_are_told_apart_by_the_id_of_the_newer() -> None:
    twins = np.repeat([KINDS[0], KINDS[0], KINDS[2]], 10, axis=0)
    old = cluster(5, "many views, recent cart", "many views", "recent cart")
    first, second, _ = names(twins, before=(old,))
    assert second.name == "many views, recent cart"
    assert first.name == "many views, recent cart #4"
    again = names(twins, before=(cluster(4, first.name, *first.marks), old))
    assert [again[0].name, again[1].name] == [first.name, second.name]


def test_the_same_marks_are_told_apart_by_a_difference_that_is_too_small_for_a_mark() -> None:
    """Not by the id, as long as there is anything to say."""
    twins = np.repeat([KINDS[0], KINDS[0], KINDS[2]], 10, axis=0)
    twins[:4, 2] = twins[10:12, 2] = twins[20:24, 2] = 1.0  # of the second fewer have bought
    marks = ("many views", "recent cart")
    first, second, _ = names(twins, before=(cluster(4, ", ".join(marks), *marks),))
    assert first.name == "many views, recent cart"
    assert second.name == "many views, recent cart, somewhat fewer purchases"
    kept = tuple(cluster(at, own.name, *own.marks) for at, own in ((4, first), (5, second)))
    assert names(twins, before=kept)[:2] == [first, second]


def test_a_cluster_that_nothing_marks_is_told_by_what_differs_most() -> None:
    points = np.zeros((30, 3))
    points[:6, 0] = points[10:14, 0] = points[20:24, 0] = 1.0
    found = [each.name for each in names(points)]
    assert found == ["somewhat more views", "somewhat fewer views", "somewhat fewer views #6"]
    # It was like most before there were words for this, and it has a name now.
    assert names(points, (cluster(4, LIKE_MOST),))[0].name == "somewhat more views"


def test_a_cluster_without_members_keeps_its_name() -> None:
    namer, old = Namer(SPACE, COLUMNS, {}), cluster(7, "many views", "many views")
    found = namer.name(POINTS, ROWS, np.array([4, 5, 6, 7]), (old,))
    assert found[3] == Named("many views", ("many views",))


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(np.zeros((30, 3)), id="constant"),
        pytest.param(np.full((30, 3), np.nan), id="all missing"),
        pytest.param(np.full((30, 3), np.inf), id="infinite"),
    ],
)
def test_clusters_that_nothing_marks(points: Floats) -> None:
    assert [each.name for each in names(points)] == [
        LIKE_MOST,
        f"{LIKE_MOST} #5",
        f"{LIKE_MOST} #6",
    ]


def test_one_user_alone() -> None:
    found = Namer(SPACE, COLUMNS, {}).name(POINTS[:1], ROWS[:1], IDS[:1], ())
    assert [each.name for each in found] == [LIKE_MOST]
