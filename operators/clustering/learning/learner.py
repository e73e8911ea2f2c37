"""Learning a cluster model from a stream of profiles, and when to publish it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np

from operators.base.arrays import Floats
from operators.base.frame import FeatureColumn
from operators.clustering.identity.naming import Namer
from operators.clustering.learning.algorithms import fit
from operators.clustering.learning.choosing import ChosenK, choose
from operators.clustering.learning.kmeans import OnlineKMeans
from operators.clustering.learning.sample import NOBODY, SampleUpdate, StoredSample, UserSample
from operators.clustering.learning.settling import improved, inertia_of
from operators.clustering.learning.succession import Fitted, succeed
from operators.clustering.learning.warm_start import first_centers
from operators.clustering.model import ClusterModel
from operators.clustering.preparing.preparation import Preparation
from operators.clustering.preparing.prepare import prepare
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import FORMAT, decode, encode, floats, to_bytes

# A version costs some 0.1 s. A young model changes fast, an old one must follow within this.
_SOONEST: Final = 500
_LATEST: Final = 8_000
_GROWTH: Final = 4
# River takes 50 us a profile; so many of an update are plenty to follow where all go.
_FOLLOWED: Final = 8
# A fit from scratch takes over only where it is so much better: it may cost clusters their ids.
_TAKEOVER: Final = 0.02
# A fit from scratch in vain costs less with fewer starts; the next version tries again.
_LATER_STARTS: Final = 3
# `k: auto` chooses again when there are so many times as many profiles.
_CHOSEN_AGAIN: Final = 4


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
    their ids. The other algorithms are replayed over the sample for each version instead.
    Nothing depends on process or thread: the same calls give the same model.
    """

    def __init__(self, spec: ClusterSpec, columns: Mapping[str, FeatureColumn], seed: int) -> None:
        import river  # noqa: PLC0415 - like all of River, only where models are learned

        self._river: str = river.__version__
        self._spec = spec
        self._space = Space.of(spec.features, columns)
        self._namer = Namer(self._space, columns, spec.pinned)
        self._seed = seed
        self._sample = UserSample(self._space)
        self._kmeans: OnlineKMeans | None = None  # None before the warm start
        self._model: ClusterModel | None = None  # the last that was published
        self._choice: ChosenK | None = None  # of `k: auto`
        self._chosen_at = 0
        self._learned = 0
        self._version = 0
        self._next_id = 0
        self._published_at: int | None = None
        self.anew = False  # restored from what learned other dimensions

    @property
    def version(self) -> int:
        """The last published version; 0 if none was."""
        return self._version

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

    def learn(self, update: SampleUpdate) -> int:
        """Learn what became of some users, and say how many profiles that were."""
        points = self._sample.take(update)
        self._learned += len(points)
        if self._model is not None and self._kmeans is not None:
            random = np.random.default_rng([self._seed, self._learned])
            followed = points[np.sort(random.permutation(len(points))[:_FOLLOWED])]
            self._kmeans.learn(self._model.preparation.scaled(followed))
        return len(points)

    def publish(self) -> ClusterModel | None:
        """The next version of the model if one is due, else None."""
        enough = self._learned >= self._spec.warm_start or self._model is not None
        if enough and len(self._sample) and worth_publishing(self._published_at, self._learned):
            return self._alone()
        return None

    def finish(self) -> ClusterModel | None:
        """The last version, at the end of a bounded run; None if no profile ever came.

        It is a new one if anything was learned since the last. With fewer profiles than
        `warm_start` it is fitted to those.
        """
        if not len(self._sample) or self._published_at == self._learned:
            return self._model
        return self._alone()

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
                chosen_at=self._chosen_at,
                choice=self._choice,
                sample=self._sample.stored(),
                model=None if self._model is None else self._model.to_bytes(),
                centers=None if self._kmeans is None else to_bytes(self._kmeans.centers),
            )
        )

    @classmethod
    def from_bytes(
        cls, data: bytes, spec: ClusterSpec, columns: Mapping[str, FeatureColumn], seed: int
    ) -> Learner:
        """The learner in a message of `to_bytes`.

        If the config has other dimensions by now, learning begins anew, but versions and ids
        count on. If it has the same but is another one otherwise, the next version is by it, and
        comes at once if there is anyone in the sample.

        Raises:
            JobError: a message of another format, or none at all.
        """
        learner = cls(spec, columns, seed)
        stored = decode(data, _StoredLearner, "a stored cluster learner")
        learner._version, learner._next_id = stored.version, stored.next_id
        learner.anew = stored.meanings != learner._space.meanings
        if not learner.anew:
            learner._restore(stored)
        return learner

    def _restore(self, stored: _StoredLearner) -> None:
        self._learned = stored.learned
        self._sample.restore(stored.sample)
        if stored.model is not None:
            self._model = ClusterModel.from_bytes(stored.model)
        if stored.spec == self._spec or not len(self._sample):
            self._published_at = stored.published_at
        if _chooses(stored.spec) == _chooses(self._spec):
            self._choice, self._chosen_at = stored.choice, stored.chosen_at
        if self._model is not None and stored.centers is not None:
            width = self._model.preparation.width
            self._follow(floats(stored.centers, len(self._model.centers), width))

    def _alone(self) -> ClusterModel:
        """The next version, made by this thread alone.

        On busy cores those of scikit-learn wait for each other: up to fifty times as long.
        """
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - as River is

        with threadpool_limits(1):
            return self._next()

    def _next(self) -> ClusterModel:
        """Make the next version, and let River go on from it."""
        points = self._sample.points()
        preparation = prepare(points, self._space, self._spec)
        scaled = preparation.scaled(points)
        centers = self._fit(scaled, self._carried(preparation))
        fitted = Fitted(points, preparation, scaled, centers)
        self._version += 1
        self._published_at = self._learned
        heirs = succeed(self._model, fitted, self._namer, self._version, self._next_id)
        self._next_id = heirs.next_id
        self._model = ClusterModel(
            version=self._version,
            learned=self._learned,
            river=self._river,
            dimensions=self._space.names,
            meanings=self._space.meanings,
            preparation=preparation,
            centers=centers,
            clusters=heirs.clusters,
            acts=heirs.acts,
            quality=heirs.quality,
            curve=() if self._choice is None else self._choice.curve,
        )
        self._follow(centers)
        return self._model

    def _carried(self, preparation: Preparation) -> Floats | None:
        """The centers that River has carried so far, in a new space; None if there are none."""
        if self._model is None or self._kmeans is None:
            return None
        return preparation.adopt(self._kmeans.centers, self._model.preparation)

    def _fit(self, scaled: Floats, carried: Floats | None) -> Floats:
        """The centers of the next version: those of before, mended, or clearly better ones."""
        k = self._wanted(scaled)
        if self._spec.algorithm != "kmeans":
            return fit(self._spec.algorithm, scaled, k, self._seed)
        seed = self._seed + self._version
        if carried is None:
            return first_centers(scaled, k, seed)
        fresh = first_centers(scaled, k, seed, _LATER_STARTS)
        if len(carried) != len(fresh):
            return fresh
        carried = improved(scaled, carried)
        better = inertia_of(scaled, fresh) < inertia_of(scaled, carried) * (1 - _TAKEOVER)
        return fresh if better else carried

    def _wanted(self, scaled: Floats) -> int:
        """How many clusters there are to be."""
        fewest, most = self._spec.k_between
        if fewest == most:
            return most
        if self._choice is None or self._learned >= self._chosen_at * _CHOSEN_AGAIN:
            self._choice = choose(scaled, fewest, most, self._seed)
            self._chosen_at = self._learned
        return self._choice.k

    def _follow(self, centers: Floats) -> None:
        if self._spec.algorithm == "kmeans":
            self._kmeans = OnlineKMeans(centers, self._spec.halflife)


def without_users(data: bytes) -> bytes:
    """A message of `Learner.to_bytes` with an empty sample.

    Raises:
        JobError: as `Learner.from_bytes`.
    """
    stored = decode(data, _StoredLearner, "a stored cluster learner")
    return encode(msgspec.structs.replace(stored, sample=NOBODY))


def _chooses(spec: ClusterSpec) -> ClusterSpec:
    """What of a spec `k: auto` goes by: a name that a person gives changes no cluster."""
    return msgspec.structs.replace(spec, names={}, stick=0.0, halflife=1.0, warm_start=0)


class _StoredLearner(msgspec.Struct, frozen=True):
    format: int
    river: str
    spec: ClusterSpec
    meanings: tuple[str, ...]
    version: int
    next_id: int
    learned: int
    published_at: int | None
    chosen_at: int
    choice: ChosenK | None
    sample: StoredSample
    model: bytes | None
    centers: bytes | None
