"""Histories of users as a changelog tells them, what may come of them, and who is right.

The oracle knows no versions to compare, only each user's history in order: the last word wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec
from hypothesis import strategies as st

from flink_job.stores.base import Store
from operators.contracts.records import Assignment, Belonging, Change, Tombstone, Transition

SEGMENTS = ("Engaged Buyers", "bots", "Ünïcode 'quoted' \"segment\"", "late")
USERS = ("ann", "bob", "Çelik 'O''Hara'")


@dataclass(frozen=True)
class History:
    """The words about some users, each user's in order, and how they reach the store."""

    said: dict[str, list[Change]]
    batches: list[list[Change]]

    def named(self, prefix: str) -> History:
        """The same with other names, so that examples don't meet in one store."""
        return replace(
            self,
            said={f"{prefix}{user}": rename(words, prefix) for user, words in self.said.items()},
            batches=[rename(batch, prefix) for batch in self.batches],
        )


def rename(words: Iterable[Change], prefix: str) -> list[Change]:
    """The same words about users, and segments, of other names."""
    return [
        msgspec.structs.replace(
            word,
            user=f"{prefix}{word.user}",
            segments=[f"{prefix}{segment}" for segment in word.segments],
            since={f"{prefix}{segment}": at for segment, at in word.since.items()},
            clusters={f"{prefix}{model}": own for model, own in word.clusters.items()},
        )
        if isinstance(word, Assignment)
        else msgspec.structs.replace(word, user=f"{prefix}{word.user}")
        for word in words
    ]


def assignment(
    user: str, version: int, segments: Iterable[str], cluster: int | None = None
) -> Assignment:
    """An assignment whose every part tells its version."""
    return Assignment(
        user=user,
        version=version,
        updated_at=moment(version),
        segments=list(segments),
        since={segment: moment(version) for segment in segments if segment != "late"},
        cluster=cluster,
        clusters={} if cluster is None else {"shoppers": belonging(cluster, version)},
        features={"views": float(version), "device": None},
    )


def belonging(cluster: int, version: int) -> Belonging:
    """A cluster of which every part tells the assignment's version."""
    since = moment(version) if version % 2 else None
    name = f"cluster {cluster}"
    return Belonging(cluster, name, version / 7, 1 / version, version, since=since)


def moment(version: int) -> str:
    """A time that differs from version to version."""
    return f"2026-01-01T00:00:00.{version:06}Z"


@st.composite
def words(draw: st.DrawFn, user: str) -> list[Change]:
    """One user's history: versions that grow, assignments and now and then a tombstone."""
    versions = sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=6)))
    said: list[Change] = []
    for version in versions:
        if draw(st.integers(0, 4)) == 0:
            said.append(Tombstone(user, version))
        else:
            segments = draw(st.lists(st.sampled_from(SEGMENTS), unique=True, max_size=3))
            cluster = draw(st.none() | st.integers(0, 4))
            said.append(assignment(user, version, segments, cluster))
    return said


@st.composite
def histories(draw: st.DrawFn, ordered: bool = False, most_users: int = 3) -> History:
    """Histories and a delivery: some words dropped, never a last one, the rest repeated,
    shuffled and cut into batches; or `ordered`, one word a batch."""
    said = {user: draw(words(user)) for user in USERS[: draw(st.integers(1, most_users))]}
    delivered: list[Change] = []
    for spoken in said.values():
        delivered += [word for word in spoken[:-1] if draw(st.booleans())] + [spoken[-1]]
    if not ordered:
        delivered += draw(st.lists(st.sampled_from(delivered), max_size=4))
        delivered = draw(st.permutations(delivered))
    places = range(1, len(delivered))
    cuts = list(places) if ordered else sorted(draw(st.sets(st.sampled_from([0, *places]))))
    edges = [0, *cuts, len(delivered)]
    batches = [delivered[start:end] for start, end in pairwise(edges)]
    return History(said, batches)


def current(history: History) -> dict[str, Assignment]:
    """The oracle: everyone's last word, without the forgotten."""
    last = {user: spoken[-1] for user, spoken in history.said.items()}
    return {user: word for user, word in last.items() if isinstance(word, Assignment)}


def holds(store: Store, history: History, prefix: str) -> None:
    """Assert that every question about a history's users gets the oracle's answer."""
    expected = current(history)
    for user in history.said:
        assert store.lookup(user) == expected.get(user)
    assert {found.user: found for found in ours(store.assignments(), prefix)} == expected
    for segment in (f"{prefix}{segment}" for segment in SEGMENTS):
        found = [(member.user, member.since, member.version) for member in store.members(segment)]
        assert sorted(found, key=str) == sorted(
            (
                (user, now.since.get(segment), now.version)
                for user, now in expected.items()
                if segment in now.segments
            ),
            key=str,
        )
    model = f"{prefix}shoppers"
    for cluster in range(5):
        found = [
            (member.user, member.since, member.version)
            for member in store.cluster_members(model, cluster)
        ]
        assert sorted(found, key=str) == sorted(
            (
                (user, now.clusters[model].since, now.version)
                for user, now in expected.items()
                if model in now.clusters and now.cluster == cluster
            ),
            key=str,
        )


def ours(found: Iterable[Assignment], prefix: str) -> list[Assignment]:
    """The assignments of one example."""
    return [assignment for assignment in found if assignment.user.startswith(prefix)]


def enter(user: str, segment: str, version: int) -> Transition:
    """A transition into a segment."""
    return Transition(user, segment, "enter", moment(version), version, ["views = 5 (> 3)"])


def transitions_of(words: Sequence[Change]) -> list[Transition]:
    """A transition for each assignment."""
    return [
        enter(word.user, "bots", word.version) for word in words if isinstance(word, Assignment)
    ]
