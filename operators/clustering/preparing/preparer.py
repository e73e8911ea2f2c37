"""Learning how to prepare points: scaler, imputer and the recent points, in one place."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from operators.clustering.preparing.imputing import new_imputer
from operators.clustering.preparing.preparation import Preparation, usable
from operators.clustering.preparing.scaling import new_scaler
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import floats, to_bytes
from operators.frame import Floats


class StoredPreparer(msgspec.Struct, frozen=True):
    """What a preparer has learned, arrays as bytes."""

    scaler: bytes
    imputer: bytes
    recent: bytes


class Preparer:
    """Learns scaler and imputer from the known coordinates of every point.

    One-hot dimensions are neither imputed nor scaled.
    """

    def __init__(self, spec: ClusterSpec, space: Space) -> None:
        self._space = space
        self._numeric: list[int] = np.flatnonzero(space.numeric).tolist()
        self._scaler = new_scaler(spec.scale)
        self._imputer = new_imputer(spec.impute)
        self._recent = np.empty((0, len(space)))

    @property
    def recent(self) -> Floats:
        """The last raw points, float64[n, d]."""
        return self._recent

    def learn(self, points: Floats, keep: int) -> None:
        """Learn raw points float64[m, d], NaN for missing, and keep the last `keep` of all."""
        points = usable(points)
        for x in self._known(points):
            self._scaler.learn(x)
            self._imputer.learn(x)
        self._recent = np.concatenate((self._recent, points))[-keep:]

    def preparation(self) -> Preparation:
        """How points are imputed and scaled as of now."""
        numeric = self._space.numeric
        offset, scale = self._scaler.offset_and_scale(len(self._space))
        return Preparation(
            impute=np.where(numeric, self._imputer.values(self._recent), 0.0),
            offset=offset,
            scale=np.where(numeric, scale, 1.0),
        )

    def stored(self) -> StoredPreparer:
        """Everything learned."""
        d = len(self._space)
        return StoredPreparer(
            scaler=to_bytes(self._scaler.state(d)),
            imputer=to_bytes(self._imputer.state(d)),
            recent=to_bytes(self._recent),
        )

    def restore(self, stored: StoredPreparer) -> None:
        """Put back what `stored` gave, into a preparer that has learned nothing.

        Raises:
            JobError: the arrays have other dimensions than the space.
        """
        d = len(self._space)
        self._scaler.restore(floats(stored.scaler, self._scaler.rows, d))
        self._imputer.restore(floats(stored.imputer, self._imputer.rows, d))
        self._recent = floats(stored.recent, -1, d)

    def _known(self, points: Floats) -> Iterator[dict[int, float]]:
        for row in points.tolist():
            yield {i: row[i] for i in self._numeric if row[i] == row[i]}  # NaN is not itself
