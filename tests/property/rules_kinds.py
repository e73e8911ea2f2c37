"""Columns of every kind that a condition can be over."""

from __future__ import annotations

from operators.base.frame import FeatureColumn, Kind

MINUTE_US = 60_000_000
COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("views", Kind.NUMBER),
        FeatureColumn("spend 30d", Kind.NUMBER),
        FeatureColumn("case", Kind.NUMBER),
        FeatureColumn("since", Kind.AGE, MINUTE_US),
        FeatureColumn("device", Kind.CATEGORY),
        FeatureColumn('the "first" device', Kind.CATEGORY),
        FeatureColumn("devices", Kind.LIST),
    )
}
