"""Users as points: numbers, ages at their moment, one-hot categories."""

from __future__ import annotations

import numpy as np

from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.clustering.space import Space

COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("views", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, unit_us=60_000_000),
        FeatureColumn("device", Kind.CATEGORY, categories=("mobile", "desktop", "tablet")),
    )
}


def frame() -> Frame:
    dictionary = Dictionary()
    desktop, console, mobile = (dictionary.add(text) for text in ("desktop", "console", "mobile"))
    return Frame(
        columns=COLUMNS,
        values=np.array(
            [
                [3.0, np.nan, 0.0, 7.5],
                [60e6, np.nan, 0.0, 600e6],
                [mobile, desktop, console, np.nan],
            ]
        ),
        now_us=np.array([180_000_000, 180_000_000, 30_000_000, 540_000_000]),
        dictionary=dictionary,
    )


def test_dimensions_follow_the_features_in_their_order() -> None:
    space = Space.of(["device", "views"], COLUMNS)
    assert space.names == ("device=mobile", "device=desktop", "device=tablet", "views")
    assert space.numeric.tolist() == [False, False, False, True]
    assert len(space) == 4


def test_a_point_holds_numbers_ages_in_their_unit_and_zeros_and_ones() -> None:
    space = Space.of(["views", "since_purchase", "device"], COLUMNS)
    expected = [
        [3.0, 2.0, 1.0, 0.0, 0.0],
        [np.nan, np.nan, 0.0, 1.0, 0.0],  # missing numbers stay missing
        [0.0, 0.5, 0.0, 0.0, 0.0],  # a category without a dimension
        [7.5, 0.0, 0.0, 0.0, 0.0],  # a missing category; an age from the near future
    ]
    np.testing.assert_array_equal(space.points(frame()), expected)


def test_no_users_are_no_points() -> None:
    empty = Frame(COLUMNS, np.empty((3, 0)), np.empty(0, np.int64), Dictionary())
    assert Space.of(["views", "device"], COLUMNS).points(empty).shape == (0, 4)
