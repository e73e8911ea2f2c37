"""What hypothesis draws for judging: versions of segments, and what happens to some users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zlib import crc32

import numpy as np
from hypothesis import strategies as st

from operators.rules.holdouts import Holdouts, JudgedUsers
from operators.rules.spec import SegmentSpec
from tests.property.rules_columns import EXACT, TREES
from tests.property.rules_oracle import Tree, segments_in, text
from tests.segments_oracle import Spec

START_US = 1_700_000_000_000_000
NAMES = ("ann", "bob", "cay", "dan")

Row = tuple[float | None, int | None, int | None]  # views, and the moments of two ages


@dataclass(frozen=True)
class Version:
    """Some segments, as the oracle has them and as an analyst writes them, with their holdouts."""

    specs: dict[str, Spec]
    shares: dict[str, int]  # percent; 0 is no holdout

    def written(self) -> dict[str, SegmentSpec]:
        return {name: written(spec, self.shares[name]) for name, spec in self.specs.items()}

    def held_out(self, user: str) -> set[str]:
        """The segments out of which a user is held; how they are chosen is tested elsewhere."""
        shares = {name: share / 100 for name, share in self.shares.items() if share}
        held = Holdouts(list(shares), list(shares.values())).held_out(judged_users([user]))
        return {name for name, is_held in zip(shares, held[:, 0], strict=True) if is_held}


def written(spec: Spec, share: int) -> SegmentSpec:
    """A segment as an analyst writes it."""
    return SegmentSpec(
        when=None if spec.when is None else text(spec.when),
        leave_when=None if spec.leave_when is None else text(spec.leave_when),
        min_dwell=f"{spec.min_dwell}us" if spec.min_dwell else None,
        cooldown=f"{spec.cooldown}us" if spec.cooldown else None,
        members=tuple(spec.members),
        opens=None if spec.opens is None else iso(spec.opens),
        until=None if spec.closes is None else iso(spec.closes),
        group=spec.group,
        priority=spec.priority,
        holdout=f"{share}%" if share else None,
        paused=spec.paused,
    )


def judged_users(users: Sequence[str]) -> JudgedUsers:
    hashes = np.array([crc32(user.encode()) for user in users], np.uint32)
    return JudgedUsers(list(users), hashes, np.arange(len(users)))


def iso(moment_us: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment_us)).isoformat()


def compared(name: str, operator: str, number: float) -> Tree:
    return (operator, ("column", name), ("number", number))


SIMPLE: tuple[Tree, ...] = (
    *(compared("views", ">", 1.0), compared("views", ">", 2.0), compared("views", "<", 2.0)),
    *(compared("young", "<", 3.0), compared("young", ">", 2.0), compared("old", ">", 3.0)),
    *(compared("old", "<=", 2.0), ("true",)),
)
Step = tuple[int, list[Row], list[int]]  # which version judges, features, and how long after
History = tuple[list[Version], list[Step]]


class Draw:
    """Draws all but conditions from a seed: hypothesis itself would leave most at their least,
    and segments with dates, groups and holdouts all at once would be rare.
    """

    def __init__(self, seed: int, trees: Sequence[Tree]) -> None:
        self._random = Random(seed)
        self._trees = [*SIMPLE, *trees]

    def version(self, names: Sequence[str]) -> Version:
        """Segments with everything that there is, under these names, in some order.

        A segment asks only for those of lower ranks, and a group is of one rank, so that
        nothing goes in a circle.
        """
        ranks = {name: self._random.randint(0, 2) for name in names}
        specs = {}
        for priority, name in enumerate(names):
            lower = [other for other in names if ranks[other] < ranks[name]]
            specs[name] = self._spec(lower, f"group {ranks[name]}", priority)
        shares = {name: self._one(0, 0, 0, 40, 70) for name in names}
        order = self._random.sample(names, len(names))
        return Version({name: specs[name] for name in order}, shares)

    def history(self) -> History:
        """One or two versions of some segments, and what happens to some users."""
        names = [f"segment {at}" for at in range(self._random.randint(0, 5))]
        versions = [self.version(names) for _ in range(self._one(1, 1, 2))]
        return versions, [self._step(len(versions)) for _ in range(self._random.randint(1, 12))]

    def _spec(self, lower: Sequence[str], group: str, priority: int) -> Spec:
        members = self._one((), (), (), (), NAMES[:1], NAMES[3:])
        when = None if members and self._one(True, False) else self._condition(lower)
        leave_when = None if when is None else self._one(None, self._condition(lower))
        opens, closes = self._date(), self._date()
        if opens is not None and closes is not None and opens >= closes:
            closes = None
        group_or_none = self._one(None, group)
        return Spec(
            when=when,
            leave_when=leave_when,
            min_dwell=self._one(0, 0, 5, 25),
            cooldown=self._one(0, 0, 5, 25),
            members=members,
            opens=opens,
            closes=closes,
            group=group_or_none,
            priority=0 if group_or_none is None else priority,
            paused=self._one(*[False] * 6, True),
            asks=segments_in((when, leave_when)),
        )

    def _condition(self, asked: Sequence[str]) -> Tree:
        tree: Tree = self._random.choice(self._trees)
        if not asked:
            return tree
        asking: Tree = ("in segment", self._random.choice(asked))
        negated: Tree = ("not", asking)
        return self._one(tree, asking, negated, ("and", tree, asking), ("or", negated, tree))

    def _date(self) -> int | None:
        return self._one(None, None, None, START_US + self._random.randint(-20, 120))

    def _step(self, versions: int) -> Step:
        rows = [
            (self._one(None, 0.0, 2.0, 3.0), self._moment(), self._moment())
            for _ in range(len(NAMES))
        ]
        waits = [self._random.randint(0, 30) for _ in range(len(NAMES))]
        return self._random.randrange(versions), rows, waits

    def _moment(self) -> int | None:
        return self._one(None, START_US + self._random.randint(-40, 100))

    def _one(self, *choices: Any) -> Any:
        return self._random.choice(choices)


SEEDS = st.binary(min_size=8, max_size=8).map(int.from_bytes)
MOMENTS = st.none() | st.integers(START_US - 40, START_US + 100)
ROWS = st.tuples(st.sampled_from((None, 0.0, 2.0, 3.0)), MOMENTS, MOMENTS)
DRAWS = st.builds(Draw, SEEDS, st.lists(TREES.conditions(EXACT), max_size=4))
HISTORIES = st.builds(Draw.history, DRAWS)
