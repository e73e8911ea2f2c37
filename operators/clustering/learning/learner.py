"""Learning a cluster model from a stream of profiles, and when to publish it."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from operators.clustering.clusters import Cluster, Quality
from operators.clustering.identity.matching import Known, match
from operators.clustering.learning.kmeans import OnlineKMeans
from operators.clustering.learning.sample import StoredSample, Update, UserSample
from operators.clustering.learning.settling import improved, inertia_of
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import nearest
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.preparing.prepare import prepare
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import FORMAT, decode, encode, floats, to_bytes
from operators.frame import Floats
from operators.pages.sets import Ints

# A version costs some 0.1 s. A young model changes fast, an old one must follow within this.
_SOONEST: Final = 500
_LATEST: Final = 8_000
_GROWTH: Final = 4
# River takes 50 us a profile; so many of an update are plenty to follow where all go.
_FOLLOWED: Final = 8
# A fit from scratch takes over only where it is so much better: it costs clusters their ids.
_TAKEOVER: Final = 0.02


def worth_publishing(published_at: int | None, learned: int) -> bool:
    """Whether a model of so many learned profiles is worth a new version.

    `published_at` is the number at the last version; None if this model was never published.
    """
    if published_at is None:
        return True
    return learned - published_at >= min(max(learned // _GROWTH, _SOONEST), _LATEST)


class Learner:
    """What one cluster model has learned so far.

    A sample of users says where clusters are, River's KMeans follows the profiles as they come.
    For a version both come together: how points are prepared is found from the sample anew, the
    centers that River has carried so far are settled and mended on it, and the clusters keep
    their ids. Nothing depends on process or thread: the same calls give the same model.
    """

    def __init__(self, spec: ClusterSpec, space: Space, seed: int) -> None:
        import river  # noqa: PLC0415 - like all of River, only where models are learned

        self._river: str = river.__version__
        self._spec = spec
        self._space = space
        self._seed = seed
        self._sample = UserSample(space)
        self._kmeans: OnlineKMeans | None = None  # None before the warm start
        self._model: ClusterModel | None = None  # the last that was published
        self._learned = 0
        self._version = 0
        self._next_id = 0
        self._published_at: int | None = None
        self.anew = False  # restored from what learned other dimensions

    @property
    def centers(self) -> Floats:
        """Where River has brought the centers since the last version, float64[k, p] in its space.

        Empty before the first.
        """
        return np.zeros((0, 0)) if self._kmeans is None else self._kmeans.centers

    @property
    def sample(self) -> UserSample:
        """The users by whom versions are fitted."""
        return self._sample

    def learn(self, update: Update) -> None:
        """Learn what became of some users."""
        points = self._sample.take(update)
        self._learned += len(points)
        if self._model is not None and self._kmeans is not None:
            random = np.random.default_rng([self._seed, self._learned])
            followed = points[np.sort(random.permutation(len(points))[:_FOLLOWED])]
            self._kmeans.learn(self._model.preparation.scaled(followed))

    def publish(self) -> ClusterModel | None:
        """The next version of the model if one is due, else None."""
        enough = self._learned >= self._spec.warm_start or self._model is not None
        if enough and len(self._sample) and worth_publishing(self._published_at, self._learned):
            return self._next()
        return None

    def finish(self) -> ClusterModel | None:
        """The last version, at the end of a bounded run; None if no profile ever came.

        It is a new one if anything was learned since the last. With fewer profiles than
        `warm_start` it is fitted to those.
        """
        if not len(self._sample):
            return self._model
        return self._model if self._published_at == self._learned else self._next()

    def to_bytes(self) -> bytes:
        """Everything learned, as a msgpack message; a learner restored from it goes on alike."""
        return encode(
            _StoredLearner(
                format=FORMAT,
                river=self._river,
                spec=self._spec,
                meanings=self._space.meanings,
                version=self._version,
                next_id=self._next_id,
                learned=self._learned,
                published_at=self._published_at,
                sample=self._sample.stored(),
                model=None if self._model is None else self._model.to_bytes(),
                centers=None if self._kmeans is None else to_bytes(self._kmeans.centers),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes, spec: ClusterSpec, space: Space, seed: int) -> Learner:
        """The learner in a message of `to_bytes`.

        If the config has other dimensions by now, learning begins anew, but versions and ids
        count on. If it has the same but is another one otherwise, the next version is by it.

        Raises:
            JobError: a message of another format, or none at all.
        """
        learner = cls(spec, space, seed)
        stored = decode(data, _StoredLearner, "a stored cluster learner")
        learner._version, learner._next_id = stored.version, stored.next_id
        if stored.meanings == space.meanings:
            learner._restore(stored)
        else:
            learner.anew = True
        return learner

    def _restore(self, stored: _StoredLearner) -> None:
        self._learned = stored.learned
        self._sample.restore(stored.sample)
        if stored.model is not None and stored.centers is not None:
            self._model = ClusterModel.from_bytes(stored.model)
            self._follow(floats(stored.centers, len(self._model.centers), -1))
        if stored.spec == self._spec:
            self._published_at = stored.published_at

    def _next(self) -> ClusterModel:
        """Make the next version, and let River go on from it."""
        points = self._sample.points()
        preparation = prepare(points, self._space, self._spec)
        scaled = preparation.scaled(points)
        centers = self._best(scaled, preparation)
        self._version += 1
        self._published_at = self._learned
        self._model = self._identified(points, preparation, centers)
        self._follow(centers)
        return self._model

    def _best(self, scaled: Floats, preparation: Preparation) -> Floats:
        """The centers of the next version: those of before, mended, or clearly better ones."""
        fresh = first_centers(scaled, self._spec.k, self._seed + self._version)
        if self._model is None or len(self.centers) != len(fresh):
            return fresh
        carried = improved(scaled, preparation.adopt(self.centers, self._model.preparation))
        worse = inertia_of(scaled, carried) * (1 - _TAKEOVER) > inertia_of(scaled, fresh)
        return fresh if worse else carried

    def _identified(
        self, points: Floats, preparation: Preparation, centers: Floats
    ) -> ClusterModel:
        """The next version, its clusters called what they were called before."""
        now = nearest(preparation.scaled(points), centers).cluster
        before, was = self._before(points, preparation)
        matched = match(before, centers, was, now)
        self._next_id = matched.next_id
        shares = np.bincount(now, minlength=len(centers)) / len(now)
        return ClusterModel(
            version=self._version,
            learned=self._learned,
            river=self._river,
            dimensions=self._space.names,
            meanings=self._space.meanings,
            preparation=preparation,
            centers=centers,
            clusters=tuple(
                Cluster(id=who, name=f"cluster {who}", share=share, born=1, outlier_beyond=0.0)
                for who, share in zip(matched.ids.tolist(), shares.tolist())
            ),
            acts=matched.acts,
            quality=Quality(0.0, 0.0, 1.0, 0, 0),
        )

    def _before(self, points: Floats, preparation: Preparation) -> tuple[Known, Ints]:
        """The clusters of the version before as the next one sees them, and whose users are."""
        past = self._model
        if past is None:
            none = np.zeros((0, preparation.width))
            return Known(np.zeros(0, np.int64), none, self._next_id), np.full(len(points), -1)
        centers = preparation.adopt(past.centers, past.preparation)
        return Known(past.ids, centers, self._next_id), past.assign(points).cluster

    def _follow(self, centers: Floats) -> None:
        self._kmeans = OnlineKMeans(centers, self._spec.halflife)


class _StoredLearner(msgspec.Struct, frozen=True):
    format: int
    river: str
    spec: ClusterSpec
    meanings: tuple[str, ...]
    version: int
    next_id: int
    learned: int
    published_at: int | None
    sample: StoredSample
    model: bytes | None
    centers: bytes | None
