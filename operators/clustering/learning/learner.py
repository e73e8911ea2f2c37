"""Learning a cluster model from a stream of profiles, and when to publish it."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from operators.clustering.clusters import Cluster, Quality
from operators.clustering.learning.kmeans import OnlineKMeans
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import nearest
from operators.clustering.preparing.preparer import Preparer, StoredPreparer
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import FORMAT, decode, encode, floats, to_bytes
from operators.frame import Floats

# At 2 % a profile a center is renewed to the half by 35 of its own, so by a few hundred in all.
PUBLISH_EVERY: Final = 500
# The last profiles, kept for medians and for the clusters' shares: a share is known to 2 % or
# so, and a snapshot has 48 KB with 12 dimensions.
RECENT: Final = 500


def worth_publishing(published_at: int | None, learned: int) -> bool:
    """Whether a model of so many learned profiles is worth a new version.

    `published_at` is the number at the last version; None if this model was never published.
    """
    return published_at is None or learned - published_at >= PUBLISH_EVERY


class Learner:
    """What one cluster model has learned so far.

    The first `warm_start` profiles are collected; a batch k-means over them starts River's KMeans,
    which learns every further profile. When the scaler moves, once per call of `learn` at most,
    the centers are expressed in the new scale, so that they stay where they were in the features'
    units. Nothing depends on process or thread: the same calls give the same model.
    """

    def __init__(self, spec: ClusterSpec, space: Space, seed: int) -> None:
        import river  # noqa: PLC0415 - like all of River, only where models are learned

        self._river: str = river.__version__
        self._spec = spec
        self._space = space
        self._seed = seed
        self._preparer = Preparer(spec, space)
        self._preparation = self._preparer.preparation()
        self._kmeans: OnlineKMeans | None = None  # None before the warm start
        self._learned = 0
        self._version = 0
        self._published_at: int | None = None

    @property
    def version(self) -> int:
        """The last published version; 0 if none was."""
        return self._version

    @property
    def sample(self) -> Floats:
        """Raw profiles of users, float64[n, d], NaN for missing, as a model is described by."""
        return self._preparer.recent

    def learn(self, points: Floats) -> None:
        """Learn raw profiles float64[m, d]; NaN and infinity are missing."""
        if self._kmeans is None:
            points = self._collect(points)
        if self._kmeans is not None and len(points):
            self._follow(self._kmeans, points)

    def model(self) -> ClusterModel | None:
        """The model as it stands, under the last published version (0: none was).

        None before the warm start.
        """
        return None if self._kmeans is None else self._model(self._kmeans.centers)

    def publish(self) -> ClusterModel | None:
        """The next version of the model if one is due, else None."""
        if self._kmeans is None or not worth_publishing(self._published_at, self._learned):
            return None
        self._count_up()
        return self.model()

    def finish(self) -> ClusterModel | None:
        """The last version, at the end of a bounded run; None if no profile ever came.

        It is a new one if anything was learned since the last. With fewer profiles than
        `warm_start` it is fitted to those, and has no more clusters than distinct profiles; a
        learner that goes on afterwards still collects the others before its own start.
        """
        if not self._learned:
            return None
        if self._published_at != self._learned:
            self._count_up()
        return self.model() or self._model(self._fit())

    def to_bytes(self) -> bytes:
        """Everything learned, as a msgpack message; a learner restored from it goes on alike."""
        return encode(
            _StoredLearner(
                format=FORMAT,
                river=self._river,
                kind=self._kind(),
                version=self._version,
                learned=self._learned,
                published_at=self._published_at,
                preparer=self._preparer.stored(),
                centers=None if self._kmeans is None else to_bytes(self._kmeans.centers),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes, spec: ClusterSpec, space: Space, seed: int) -> Learner:
        """The learner in a message of `to_bytes`.

        If the config has another k, scaling, imputation or dimensions by now, learning begins
        anew, but versions count on.

        Raises:
            JobError: a message of another format, or none at all.
        """
        learner = cls(spec, space, seed)
        stored = decode(data, _StoredLearner, "a stored cluster learner")
        learner._version = stored.version
        if stored.kind == learner._kind():
            learner._restore(stored)
        return learner

    def _restore(self, stored: _StoredLearner) -> None:
        self._learned = stored.learned
        self._published_at = stored.published_at
        self._preparer.restore(stored.preparer)
        self._preparation = self._preparer.preparation()
        if stored.centers is not None:
            self._start(floats(stored.centers, -1, len(self._space)))

    def _kind(self) -> _Kind:
        return _Kind(self._spec.k, self._spec.scale, self._spec.impute, self._space.meanings)

    def _collect(self, points: Floats) -> Floats:
        """Take what the warm start still wants, and give back the rest."""
        wanted = max(self._spec.warm_start - self._learned, 0)
        self._absorb(points[:wanted], keep=self._spec.warm_start)
        if self._learned >= self._spec.warm_start:
            self._start(self._fit())
            self._published_at = None
        return points[wanted:]

    def _follow(self, kmeans: OnlineKMeans, points: Floats) -> None:
        before = self._preparation
        self._absorb(points, keep=RECENT)
        if not self._preparation.scales_like(before):
            kmeans.place(self._preparation.adopt(kmeans.centers, before))
        kmeans.learn(self._preparation.scaled(points))

    def _absorb(self, points: Floats, keep: int) -> None:
        self._preparer.learn(points, keep)
        self._preparation = self._preparer.preparation()
        self._learned += len(points)

    def _fit(self) -> Floats:
        collected = self._preparation.scaled(self._preparer.recent)
        return first_centers(collected, self._spec.k, self._seed)

    def _start(self, centers: Floats) -> None:
        self._kmeans = OnlineKMeans(centers, self._spec.halflife)

    def _count_up(self) -> None:
        self._version += 1
        self._published_at = self._learned

    def _model(self, centers: Floats) -> ClusterModel:
        cluster = nearest(self._preparation.scaled(self._preparer.recent), centers).cluster
        shares = np.bincount(cluster, minlength=len(centers)) / len(cluster)
        return ClusterModel(
            version=self._version,
            learned=self._learned,
            river=self._river,
            dimensions=self._space.names,
            meanings=self._space.meanings,
            preparation=self._preparation,
            centers=centers,
            clusters=tuple(
                Cluster(id=row, name=f"cluster {row}", share=share, born=1, outlier_beyond=0.0)
                for row, share in enumerate(shares.tolist())
            ),
            acts=(),
            quality=Quality(0.0, 0.0, 1.0, 0, 0),
        )


class _Kind(msgspec.Struct, frozen=True):
    """What has to be alike for a learner to go on from a snapshot."""

    k: int
    scale: str
    impute: str
    dimensions: tuple[str, ...]


class _StoredLearner(msgspec.Struct, frozen=True):
    format: int
    river: str
    kind: _Kind
    version: int
    learned: int
    published_at: int | None
    preparer: StoredPreparer
    centers: bytes | None
