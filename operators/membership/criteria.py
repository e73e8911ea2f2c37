"""What the members of a lane are judged by: features, segments, cluster models, clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Ints, Moments
from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind
from operators.membership.clusterings import (
    Clustering,
    cluster_rows,
    clusters_meaning,
    with_clusters,
)
from operators.rules.deadlines import rounded_up
from operators.rules.rulebook import Rulebook
from operators.rules.stepping import next_step

# A user's age grows without end, and with it the distance to every center. An idle user is
# assigned anew when the age has grown by about an eighth: often while young, rarely when old.
_AGE_STEPS: Final = 6  # a step is between a twelfth and a sixth of the age
_MINUTE_US: Final = 60_000_000


class Criteria:
    """What users are judged by, and when they are to be judged anew.

    Args:
        columns: the features, in the order in which Profile sends them.
        rulebook: the segments.
        clusterings: the cluster models, in order.
        resolution_us: due moments are rounded up to its multiples, so that many fall together.
    """

    def __init__(
        self,
        columns: Mapping[str, FeatureColumn],
        rulebook: Rulebook,
        clusterings: Sequence[Clustering],
        resolution_us: int,
    ) -> None:
        self.columns, self.rulebook, self.clusterings = columns, rulebook, clusterings
        self.resolution_us = resolution_us
        self.meaning = clusters_meaning(clusterings)
        self._ages = _ages_in(clusterings, columns)
        self._judged = with_clusters(columns, {each.name: each.spec for each in clusterings})

    def frame(self, values: Floats, now_us: Moments, dictionary: Dictionary) -> Frame:
        """Features as models see them."""
        return Frame(self.columns, values, now_us, dictionary)

    def judged(self, frame: Frame, clusters: Ints) -> Frame:
        """Features as rules see them, with the clusters' ids int64[n, models]."""
        values = np.vstack([frame.values, cluster_rows(clusters)])
        return Frame(self._judged, values, frame.now_us, frame.dictionary)

    def due_us(self, frame: Frame, rules_us: Moments) -> Moments:
        """When users are to be judged anew, int64[n], whose verdicts may change at `rules_us`."""
        return rounded_up(np.minimum(rules_us, self._grown_us(frame)), self.resolution_us)

    def clocks(self, frame: Frame) -> tuple[Moments, Moments]:
        """When a condition, and when an age in a cluster model changes next, int64[n] each."""
        rules_us = self.rulebook.next_change_us(frame)
        return (
            rounded_up(rules_us, self.resolution_us),
            rounded_up(self._grown_us(frame), self.resolution_us),
        )

    def _grown_us(self, frame: Frame) -> Moments:
        """When an age that models look at has grown, `NEVER` if there is none."""
        grown_us = np.full(len(frame), NEVER)
        for name in self._ages:
            step_us = next_step(frame, name, _MINUTE_US, _AGE_STEPS)
            ageing = ~np.isnan(step_us)
            grown_us[ageing] = np.minimum(grown_us[ageing], step_us[ageing].astype(np.int64))
        return grown_us


def _ages_in(clusterings: Sequence[Clustering], columns: Mapping[str, FeatureColumn]) -> list[str]:
    names = [each.feature for clustering in clusterings for each in clustering.space.dimensions]
    return [name for name in dict.fromkeys(names) if columns[name].kind is Kind.AGE]
