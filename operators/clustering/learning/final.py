"""Models that are learned from everyone's profiles at the end of a history, and from nothing else.

What they are does not depend on the order in which anything is read: the sample is of the users
with the lowest tickets, with what each was in the end, in the order of their tickets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from operators.base.arrays import Ints
from operators.base.frame import FeatureColumn
from operators.base.moments import iso_at
from operators.clustering.final_model import FinalModel
from operators.clustering.learning.learner import Learner
from operators.clustering.learning.sample import LARGEST, SampleUpdate
from operators.clustering.record import describe
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import floats, to_bytes

NO_PROFILES: Final = SampleUpdate(b"", b"", b"")


def gathered(some: SampleUpdate, others: SampleUpdate, width: int) -> SampleUpdate:
    """The profiles of the users with the lowest tickets of both, points of `width` dimensions.

    Of two users with the same ticket one is taken, whoever comes first. So the order in which
    profiles are gathered makes no difference.
    """
    own = np.frombuffer(some.tickets + others.tickets, np.uint32)
    at_us = np.frombuffer(some.at_us + others.at_us, np.int64)
    points = floats(some.points + others.points, len(own), width)
    columns = np.ascontiguousarray(points.T).view(np.int64)
    order = np.lexsort((*columns, at_us, own))
    _, first = np.unique(own[order], return_index=True)
    kept: Ints = order[first][:LARGEST]
    return SampleUpdate(own[kept].tobytes(), at_us[kept].tobytes(), to_bytes(points[kept]))


def learned(
    name: str,
    profiles: SampleUpdate,
    spec: ClusterSpec,
    columns: Mapping[str, FeatureColumn],
    seed: int,
    now_us: int,
) -> FinalModel | None:
    """The model of all profiles that were gathered, made now; None without any."""
    learner = Learner(spec, columns, seed)
    learner.learn(profiles)
    model = learner.finish()
    if model is None:
        return None
    record = describe(name, model, learner.sample.points(), iso_at(now_us))
    return FinalModel(name, model.to_bytes(), record)


def width_of(spec: ClusterSpec, columns: Mapping[str, FeatureColumn]) -> int:
    """How many dimensions the points of a model have."""
    return len(Space.of(spec.features, columns))
