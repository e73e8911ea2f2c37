"""Columns of ages in units of a few microseconds, and conditions over them."""

from __future__ import annotations

from hypothesis import strategies as st

from operators.base.frame import FeatureColumn, Kind
from operators.membership.clusterings import with_clusters
from tests.property.rules_oracle import Trees

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
