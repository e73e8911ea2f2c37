"""Models whose centers are given."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats
from operators.clustering.clusters import Act, Cluster, Quality
from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import Preparation

AT = "2026-11-25T10:00:00.000000Z"


def model(centers: Floats, *dimensions: str) -> ClusterModel:
    """A model that takes points as they are; its clusters are 10, 11, ..."""
    k, d = centers.shape
    return ClusterModel(
        version=3,
        learned=1_500,
        river="0.23.0",
        dimensions=dimensions,
        meanings=dimensions,
        preparation=Preparation(np.zeros(d), np.zeros(d), np.ones(d)),
        centers=centers,
        clusters=tuple(Cluster(10 + row, f"the {row}", 1 / k, 2, 1.5) for row in range(k)),
        acts=(Act("split", 11, (10,)),),
        quality=Quality(inertia=0.5, silhouette=0.7, stability=0.99, dead=0, duplicates=0),
    )
