"""How what Assign knows of a user lies in a row of its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operators.base.arrays import NEVER
from operators.membership.clusterings import NO_CLUSTER, Clustering
from operators.membership.last_values import LastValues
from operators.pages.layout import Field, Layout
from operators.rules.standing import NEVER_IN

DUE: Final = "due_us"
JUDGED: Final = "judged_us"  # when the user was judged last, or so far that nothing changed since
STANDING: Final = "standing"  # to each segment: see rules/standing.py
TOLD: Final = "told"  # by which models the last assignment was; 0 without one
CLUSTERS: Final = "clusters"  # the id in each model
CLUSTERS_SINCE: Final = "clusters_since_us"  # when the user came into it; 0 if that was not kept


def member_layout(
    last: LastValues,
    segments: Sequence[str],
    clusterings: Sequence[Clustering],
    more: Sequence[Field] = (),
) -> Layout:
    """The last features, how the user stands to these segments, the clusters, and `more`."""
    models = tuple(clustering.label for clustering in clusterings)
    return Layout(
        [
            *last.fields(),
            Field(STANDING, "i8", len(segments), initial=NEVER_IN, labels=tuple(segments)),
            Field(CLUSTERS, "i8", len(models), initial=NO_CLUSTER, labels=models),
            Field(CLUSTERS_SINCE, "i8", len(models), labels=models),
            Field(TOLD, "i8"),
            Field(JUDGED, "i8", initial=-1),
            Field(DUE, "i8", initial=NEVER, as_column=True),
            *more,
        ]
    )
