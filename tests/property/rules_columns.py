"""Columns of ages in units of a few microseconds, conditions over them, and users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.membership.clusterings import with_clusters
from tests.property.rules_oracle import Trees, User

STEP_US = 20
# Units of a few microseconds, so that every moment between now and the next change can be tried.
COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("views", Kind.NUMBER),
        FeatureColumn("young", Kind.AGE, 7),
        FeatureColumn("old", Kind.AGE, 10),
    )
}
AGES = ("young", "old")
TREES = Trees(("views", *AGES), constants=(-1.0, 0.0, 0.1, 0.3, 1.0, 1.5, 2.0, 3.0, 1e18))
BARE = st.tuples(st.just("column"), st.sampled_from(AGES))
CONSTANT = st.tuples(st.just("number"), st.sampled_from(TREES.constants))
EXACT = st.one_of(
    st.tuples(st.sampled_from(("=", "<>", "<", "<=", ">", ">=")), BARE, CONSTANT),
    st.tuples(st.sampled_from(("=", "<>", "<", "<=", ">", ">=")), CONSTANT, BARE),
    st.tuples(st.sampled_from(("between", "not between")), BARE, CONSTANT, CONSTANT),
    st.tuples(st.sampled_from(("in", "not in")), BARE, st.lists(CONSTANT, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(("null", "not null")), BARE),
    st.tuples(st.just(">"), st.just(("column", "views")), CONSTANT),
)
JUDGED = with_clusters(COLUMNS, {})

NOW_US = 1_700_000_000_000_000
HORIZON_US = 90

Row = tuple[float | None, int | None, int | None]  # views, and how long ago the two ages began
ROWS = st.tuples(
    st.sampled_from((None, 0.0, 2.0)),
    st.none() | st.integers(-30, 50),
    st.none() | st.integers(-30, 50),
)


def frame_of(rows: Sequence[Row], columns: Mapping[str, FeatureColumn] = COLUMNS) -> Frame:
    values = np.full((len(columns), len(rows)), np.nan)
    for at, (views, *elapsed) in enumerate(rows):
        values[0, at] = np.nan if views is None else views
        for age, time_us in enumerate(elapsed, start=1):
            values[age, at] = np.nan if time_us is None else NOW_US - time_us
    return Frame(columns, values, np.full(len(rows), NOW_US), Dictionary())


def user_after(row: Row, later_us: int) -> User:
    """What the oracle sees of a user whom nothing happens to but time."""
    user: dict[str, float | str | None] = {"views": row[0]}
    for name, elapsed in zip(AGES, row[1:], strict=True):
        age = None if elapsed is None else max(elapsed + later_us, 0)
        user[name] = None if age is None else age / COLUMNS[name].unit_us
    return user
