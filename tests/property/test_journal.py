"""The journal against a plain dict: users come, change and go, and state brings the same back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from operators.pages import journal
from operators.pages.journal import Compaction, Journal
from operators.pages.layout import Field, Layout
from operators.pages.table import UserTable, set_codes, set_keys, set_rows
from tests.effort import examples

USERS = [f"user-{number}" for number in range(9)]
CITIES = ["Rome", "Oslo", "Lima", "Bonn"]
COUNTS = {"a": 1, "b": 2, "c": 3}  # a label and what its counter begins with
SETS = {"seen": "one", "worn": "two"}

some = st.lists(st.sampled_from(USERS), min_size=1, max_size=4, unique=True)
labels = st.permutations(sorted(COUNTS)).flatmap(
    lambda order: st.integers(1, 3).map(lambda count: tuple(order[:count]))
)


@dataclass
class Known:
    """What there is to know of one user."""

    counts: dict[str, int] = field(default_factory=dict)
    city: str | None = None
    seen: dict[tuple[str, str], int] = field(default_factory=dict)  # (set, city) -> when


def empty(names: tuple[str, ...], sets: dict[str, str]) -> Journal:
    fields = [
        Field("counts", "i8", len(names), initial=tuple(COUNTS[n] for n in names), labels=names),
        Field("city", "i8", initial=-1, coded=True),
    ]
    return Journal(UserTable(Layout(fields), sets))


class Lives(RuleBasedStateMachine):
    """Batches of a journal, and beside them a dict by user that anybody can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(journal, "ROWS_PER_PAGE", 2)  # so that there are several pages

    def teardown(self) -> None:
        self.patch.undo()

    @initialize(names=labels)
    def begin(self, names: tuple[str, ...]) -> None:
        self.names, self.sets = names, dict(SETS)
        self.journal = empty(names, self.sets)
        self.known: dict[str, Known] = {}
        self.head: bytes | None = None
        self.pages: dict[int, bytes] = {}
        self.log: list[bytes] = []

    @rule(users=some, by=st.integers(1, 5), city=st.sampled_from(CITIES), data=st.data())
    def batch(self, users: list[str], by: int, city: str, data: st.DataObject) -> None:
        """Some users come or are seen again, and some of them, or others, go."""
        self.head = self.journal.first_head() or self.head
        table = self.journal.table
        rows = table.rows_of(users)
        others = data.draw(st.lists(st.sampled_from(sorted(table.index)), unique=True, max_size=3))
        self.journal.begin(rows)
        cells = table.cells("counts")
        cells.put(rows, cells.take(rows) + by)
        table.cells("city").put_one(rows, table.codes_of([city])[0])
        name = data.draw(st.sampled_from(sorted(SETS)))
        keys = set_keys(rows, np.full(len(rows), table.codes_of([city])[0]))
        table.sets[name].put(keys, np.full(len(keys), by))
        self.journal.note(name, keys, np.full(len(keys), by))
        for user in users:
            known = self.known.setdefault(user, self.new())
            known.counts = {label: count + by for label, count in known.counts.items()}
            known.city = city
            known.seen[name, city] = by
        self.journal.head = {"batches": self.journal.head.get("batches", 0) + 1}
        self.journal.free(table.rows_of(others))
        for user in others:
            del self.known[user]
        self.log.append(self.journal.commit())

    @rule()
    def compact(self) -> None:
        self.write(self.journal.compact())

    @rule()
    def restore(self) -> None:
        again = empty(self.names, self.sets)
        assert not again.restore(self.head, self.pages.values(), self.log)
        assert again.head == self.journal.head
        self.journal = again

    @precondition(lambda self: self.head is not None)
    @rule(names=labels, again=st.booleans())
    def move(self, names: tuple[str, ...], again: bool) -> None:
        """Other features: read as they are needed, or moved while the job runs."""
        moved, past = empty(names, self.sets), self.journal
        if again:
            if moved.restore(self.head, self.pages.values(), self.log):
                self.write(moved.compact())
        else:
            moved.adopt(past)
            self.write(moved.compact())
        for known in self.known.values():
            known.counts = {label: known.counts.get(label, COUNTS[label]) for label in names}
        self.names, self.journal = names, moved

    def write(self, compaction: Compaction) -> None:
        self.head, self.log = compaction.head, []
        self.pages |= compaction.pages

    def new(self) -> Known:
        return Known({label: COUNTS[label] for label in self.names})

    @invariant()
    def all_is_known(self) -> None:
        assert held(self.journal, self.names) == self.known

    @invariant()
    def nobody_is_seen_who_is_gone(self) -> None:
        table = self.journal.table
        assert len(table) == len(table.rows()) == len(self.known)
        assert {table.users[row] for row in table.rows().tolist()} == set(self.known)
        for entries in table.sets.values():
            assert set(set_rows(entries.items()[0]).tolist()) <= set(table.rows().tolist())
        # Every row is somebody's, or is given out before there are more.
        assert table.extent <= len(USERS)


def held(found_in: Journal, names: tuple[str, ...]) -> dict[str, Known]:
    """A table as the dict has it."""
    table = found_in.table
    found: dict[str, Known] = {}
    for user, row in table.index.items():
        at = np.array([row])
        counts = dict(zip(names, table.cells("counts").take(at)[0].tolist(), strict=True))
        code = int(table.cells("city").take_one(at)[0])
        found[user] = Known(counts, None if code < 0 else table.dictionary.text(code))
    for name, entries in table.sets.items():
        keys, values = entries.items()
        columns: Any = (set_rows(keys).tolist(), set_codes(keys).tolist(), values.tolist())
        for row, code, value in zip(*columns, strict=True):
            found[table.users[row]].seen[name, table.dictionary.text(code)] = value
    return found


Lives.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=40, deadline=None
)
TestLives = Lives.TestCase
