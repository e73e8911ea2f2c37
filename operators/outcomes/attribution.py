"""How users stood to segments and clusters at a moment: to what an event or a session counts.

By the event clock users have come, in a message, through several judgements. An event counts by
how its user stood after those before it, its own not among them. By the wall clock that is how they
stood before the message. An event that is older than a user's last change in a segment counts by
how they stood before that change: what was before it is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.base.arrays import Ints, Moments, Rows
from operators.rules import standing

MEMBER, HELD_OUT, OTHER = range(3)
GROUPS: Final = 3


@dataclass(frozen=True)
class UserStandings:
    """How n users stand: to segments int64[n, s], in which clusters and since when int64[n, m]."""

    standings: Moments
    clusters: Ints
    clusters_since: Moments

    def where(self, at: Ints) -> UserStandings:
        """Those at some positions."""
        return UserStandings(self.standings[at], self.clusters[at], self.clusters_since[at])

    @classmethod
    def together(cls, some: list[UserStandings]) -> UserStandings:
        """Several, one after the other."""
        return cls(
            np.concatenate([each.standings for each in some]),
            np.concatenate([each.clusters for each in some]),
            np.concatenate([each.clusters_since for each in some]),
        )

    def groups(self, at_us: Moments) -> Ints:
        """The group of each in each segment at a moment that is not after, int64[n, s]."""
        inside = standing.inside(self.standings)
        held = standing.held_out(self.standings)
        now = np.where(inside, MEMBER, OTHER)
        if held is not None:
            now[held] = HELD_OUT
        left_us = standing.left_us(self.standings)
        changed_us = np.where(inside, standing.entered_us(self.standings), left_us)
        before = np.where(inside, OTHER, MEMBER)
        return np.where(at_us[:, None] < changed_us, before, now)

    def clusters_at(self, at_us: Moments, none: int) -> Ints:
        """The cluster of each in each model at a moment, int64[n, m]; `none` if not known."""
        return np.where(at_us[:, None] < self.clusters_since, none, self.clusters)


class History:
    """How users stood in the course of one message.

    Args:
        rows: the users, each once, ascending.
        before: how they stood before it.
    """

    def __init__(self, rows: Rows, before: UserStandings) -> None:
        self._rows = rows
        self._stood = [before]
        self._at = [np.arange(len(rows))]
        self._moments_us = [np.full(len(rows), -1)]

    def changed(self, rows: Rows, at_us: Moments, after: UserStandings) -> None:
        """Users stand otherwise from moments on; those of one user in the order of time."""
        at = np.searchsorted(self._rows, rows)
        known = np.flatnonzero((at < len(self._rows)) & np.isin(rows, self._rows))
        if len(known):
            self._at.append(at[known])
            self._moments_us.append(at_us[known])
            self._stood.append(after.where(known))

    def at(self, rows: Rows, position_us: Moments) -> UserStandings:
        """How users stood when they had come to a moment of their own time."""
        asked = np.searchsorted(self._rows, rows)
        if len(self._stood) == 1:
            return self._stood[0].where(asked)
        of, moments_us = np.concatenate(self._at), np.concatenate(self._moments_us)
        # Users and moments as one number, by ranks, which stay small.
        distinct = np.unique(np.concatenate([moments_us, position_us]))
        keys = of * len(distinct) + np.searchsorted(distinct, moments_us)
        order = np.argsort(keys, kind="stable")
        wanted = asked * len(distinct) + np.searchsorted(distinct, position_us)
        found = order[np.searchsorted(keys[order], wanted, side="right") - 1]
        return UserStandings.together(self._stood).where(found)
