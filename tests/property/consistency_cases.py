"""Changelogs that are right, the store that follows them, and faults planted in either.

The store here is the plainest: dictionaries, that take one record after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from flink_job.queries.consistency import Known, check_changelog
from flink_job.queries.faults import Findings
from flink_job.queries.recorded import UNKNOWN, Recorded, Said
from flink_job.queries.store_consistency import check_store
from flink_job.queries.stored import StoredRows
from flink_job.stores.audiences import audiences
from flink_job.stores.base import Member
from operators.contracts.records import Assignment, Belonging, Transition

USERS: Final = ("ann", "bob", "cem", "dan", "eve")
SEGMENTS: Final = ("Bots", "cluster", "Ünïcode 'quoted'")
PARTITIONS: Final = 2

Words = list[tuple[int, Said]]
Seen = set[tuple[str, str | None, int]]  # user, audience, version


@dataclass
class PlainStore:
    """Rows by what names them."""

    assignments: dict[str, Assignment] = field(default_factory=dict)
    members: dict[tuple[str, str], Member] = field(default_factory=dict)
    transitions: dict[tuple[str, int, str], Transition] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: -1))

    def take(self, said: Said) -> None:
        """Take a record of the changelog."""
        if isinstance(said, Transition):
            if said.version > self.forgotten[said.user]:
                self.transitions[said.user, said.version, said.segment] = said
        elif isinstance(said, Assignment):
            self.members = {key: row for key, row in self.members.items() if row.user != said.user}
            self.assignments.pop(said.user, None)
            if said.forgotten:
                self._forget(said)
            else:
                self.put(said)

    def put(self, now: Assignment) -> None:
        """Write an assignment and its members, over what is there."""
        self.assignments[now.user] = now
        for audience, since in audiences(now).items():
            self.members[audience, now.user] = Member(now.user, since, now.version)

    def _forget(self, last: Assignment) -> None:
        self.forgotten[last.user] = last.version
        own = [key for key in self.transitions if key[0] == last.user and key[1] <= last.version]
        for key in own:
            del self.transitions[key]


@dataclass
class Checked(Findings):
    """What a check finds, with the numbers of users and audiences."""

    recorded: Recorded = field(default_factory=Recorded)


def found_in(words: Words, store: PlainStore | None = None, known: Known | None = None) -> Checked:
    """What a check finds."""
    findings = Checked()
    recorded = findings.recorded
    chosen = known or Known(tombstones=True)
    recorded.read(words)
    stored = StoredRows(recorded)
    if store is not None:
        members = [(audience, row) for (audience, _), row in store.members.items()]
        stored.read(store.assignments.values(), members, store.transitions.values())
    moves = check_changelog(recorded, chosen, findings)
    if store is not None:
        check_store(recorded, stored, moves, chosen, findings)
    return findings


def named(findings: Checked) -> dict[str, list[tuple[str, str | None, int]]]:
    """Faults by kind, sorted, with the names of users and audiences."""
    users, audiences_ = findings.recorded.users, findings.recorded.audiences
    return {
        fault: sorted(
            (
                (users.text(user), None if of == UNKNOWN else audiences_.text(of), version)
                for user, of, version in rows.tolist()
            ),
            key=str,
        )
        for fault, rows in findings.faults.items()
    }


def log_of(user: str, of_assignments: bool) -> int:
    """The partition of a user in a topic."""
    return USERS.index(user) % PARTITIONS + PARTITIONS * of_assignments


@st.composite
def right(draw: st.DrawFn, most: int = 12) -> Words:
    """What a job says of some users, who move, are forgotten and come back."""
    version, words = 0, Words()
    inside: dict[str, set[str]] = {}
    for _ in range(draw(st.integers(1, most))):
        version += draw(st.integers(1, 3))
        user = draw(st.sampled_from(USERS))
        forgotten = user in inside and draw(st.integers(0, 3)) == 0
        now = set() if forgotten else draw(st.sets(st.sampled_from(SEGMENTS)))
        before = inside.pop(user, set())
        words += [(log_of(user, False), each) for each in moves(user, before, now, version)]
        log = log_of(user, True)
        if forgotten:
            words += [(log, Assignment(user, version, "", [], forgotten=True)), (log, user)]
        else:
            words.append((log, assigned(user, now, version, draw(st.none() | st.integers(0, 2)))))
            inside[user] = now
    return words


def moves(user: str, before: set[str], now: set[str], version: int) -> list[Transition]:
    """The transitions from some segments to others."""
    return [
        Transition(user, name, "enter" if name in now else "leave", f"at {version}", version)
        for name in sorted(before ^ now)
    ]


def assigned(
    user: str, segments: Iterable[str], version: int, cluster: int | None = None
) -> Assignment:
    """An assignment, maybe with a cluster."""
    own = sorted(segments)
    since = dict.fromkeys(own, f"at {version}")
    clusters = {} if cluster is None else {"all": Belonging(cluster, "", 0.0, 1.0, 1)}
    return Assignment(user, version, f"at {version}", own, since, clusters=clusters)


@st.composite
def compacted(draw: st.DrawFn, words: Words, ends_too: bool = True) -> Words:
    """The same after a compaction: some of what is not the newest of its user is gone."""
    newest: dict[str, int] = {}
    for place, (_, said) in enumerate(words):
        if not isinstance(said, Transition):
            newest[said if isinstance(said, str) else said.user] = place
    kept = Words()
    for place, (log, said) in enumerate(words):
        if isinstance(said, Transition):
            kept.append((log, said))
        elif place == newest[said if isinstance(said, str) else said.user]:
            if not (ends_too and isinstance(said, str) and draw(st.booleans())):
                kept.append((log, said))
            else:  # whoever is forgotten goes as a whole
                kept = [each for each in kept if not _assignment_of(each[1], said)]
        elif draw(st.booleans()):
            kept.append((log, said))
    return kept


def _assignment_of(said: Said, user: str) -> bool:
    return said == user or (isinstance(said, Assignment) and said.user == user)


def follows(words: Words, ends: dict[int, int] | None = None) -> PlainStore:
    """The store of a changelog, of each log up to the end that is given."""
    store, read = PlainStore(), defaultdict[int, int](int)
    for log, said in words:
        read[log] += 1
        if ends is None or read[log] <= ends[log]:
            store.take(said)
    return store
