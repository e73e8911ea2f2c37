"""Why a user is in a cluster, in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from operators.clustering.clusters import Cluster, Quality
from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.space import Dimension, Space
from operators.clustering.wording import Phrases

SPACE = Space((Dimension("views_7d"), Dimension("device", "it's"), Dimension("spend")))
MODEL = ClusterModel(
    version=1,
    learned=9,
    river="",
    dimensions=SPACE.names,
    meanings=SPACE.meanings,
    preparation=Preparation(
        np.array([5.0, 0.0, 0.0]), np.array([2.0, 0.0, 0.0]), np.array([10.0, 1.0, 1.0])
    ),
    centers=np.array([[1.22, 0.921, 1_234.4], [0.11, -1e-17, 0.001234]]),
    clusters=(Cluster(4, "many views", 0.5, 1, 1.0), Cluster(9, "few views", 0.5, 1, 1.0)),
    acts=(),
    quality=Quality(0.0, 0.0, 1.0, 0, 0),
)


@pytest.mark.parametrize(
    ("dimension", "x", "own", "said"),
    [
        (0, 12.0, 0, "views_7d = 12 (here 14.2, next 3.1)"),
        (0, 2.5, 1, "views_7d = 2.5 (here 3.1, next 14.2)"),
        (0, math.nan, 0, "views_7d is unknown (here 14.2, next 3.1)"),
        (0, -math.inf, 0, "views_7d is unknown (here 14.2, next 3.1)"),
        (0, 1e300, 0, "views_7d is unknown (here 14.2, next 3.1)"),
        (1, 1.0, 0, "device = 'it''s' (here 92%, next 0%)"),
        (1, 0.0, 1, "device is not 'it''s' (here 0%, next 92%)"),
        (2, 123_456.0, 0, "spend = 123456 (here 1234, next 0.00123)"),
        (2, 1e20, 0, "spend = 1e+20 (here 1234, next 0.00123)"),
        (2, -1_999.6, 0, "spend = -2000 (here 1234, next 0.00123)"),
    ],
)
def test_a_value_stands_beside_what_is_usual(dimension: int, x: float, own: int, said: str) -> None:
    phrases = Phrases(MODEL, SPACE)
    for _ in range(2):
        assert phrases.phrase(dimension, x, own, 1 - own) == said
