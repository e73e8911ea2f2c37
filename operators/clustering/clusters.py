"""Who a cluster is: an id for ever, a name, and what became of it from version to version."""

from __future__ import annotations

from typing import Literal

import msgspec


class Cluster(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cluster of a model's version; its center is the model's row at the same position.

    `id` stays its own while it moves and is never given to another. `share` is its part of the
    sampled users; `born` the version that it came with. A member farther from the center than
    `outlier_beyond`, in scaled space, is an outlier. `marks` say in words what marks it against
    the rest, whoever gave it its name; `description` is what a person has written of it.
    """

    id: int
    name: str
    share: float
    born: int
    outlier_beyond: float
    marks: tuple[str, ...] = ()
    description: str = ""


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a cluster in a version: one step of its lineage.

    `others` are the ids that it was split from, or merged into or with.
    """

    kind: Literal["born", "split", "merged", "died"]
    id: int
    others: tuple[int, ...] = ()


class Quality(msgspec.Struct, frozen=True):
    """How good a version is, on the sample that it was learned from, in scaled space.

    `inertia` is the mean squared distance to the nearest center, `silhouette` the mean of
    Rousseeuw's (1987) over some users, from -1 to 1 (0 with one cluster); `stability` the share
    of users whose cluster's id is that of the version before (1 for the first). `dead` counts
    clusters without a user, `duplicates` pairs of centers that are nearly one.
    """

    inertia: float
    silhouette: float
    stability: float
    dead: int
    duplicates: int
