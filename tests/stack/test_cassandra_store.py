"""What a Cassandra store promises beyond the common suite: no crash leaves a wrong members row,
the tables hold what they should, and whatever is wrong is told within seconds."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cassandra.cluster import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flink_job import stack
from flink_job.stack import CassandraAccess
from flink_job.stores import cassandra_batches
from flink_job.stores.audiences import segment_audience
from flink_job.stores.cassandra import CassandraStore
from flink_job.stores.cassandra_batches import Bound
from flink_job.stores.cassandra_plan import BUCKETS, bucket
from flink_job.stores.cassandra_schema import create_schema
from flink_job.stores.cassandra_session import Login, Node, close, connect
from flink_job.stores.cassandra_statements import PAGE
from operators.base.errors import PreflightError, StoreError
from operators.contracts.outcomes import DayOutcomes, OutcomeRecord
from operators.contracts.records import Change, Transition
from tests.effort import examples
from tests.patience import PATIENCE_S
from tests.stack.histories import History, assignment, enter, histories, holds
from tests.stack.servers import cassandra_store

pytestmark = pytest.mark.stack

numbers = itertools.count()


@pytest.fixture(scope="module")
def store(module_keyspace: CassandraAccess) -> Iterator[CassandraStore]:
    opened = cassandra_store(module_keyspace)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def admin(module_keyspace: CassandraAccess, node_as: Callable[[Login], Node]) -> Iterator[Session]:
    session = connect(node_as(module_keyspace.admin()), module_keyspace.keyspace)
    yield session
    close(session)


@pytest.fixture
def prefix() -> str:
    return f"c{next(numbers)}-"


class PowerCutError(Exception):
    """The process dies here."""


class Crashing(CassandraStore):
    """A store whose process dies after so many statements of an `apply`; None: it lives."""

    statements_left: int | None = None

    def apply(
        self,
        changes: Sequence[Change],
        transitions: Sequence[Transition],
        outcomes: Sequence[OutcomeRecord] = (),
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            # A server may die between any two statements of a batch.
            patch.setattr(cassandra_batches, "_MOST_CHARACTERS", 0)
            super().apply(changes, transitions, outcomes)

    def _all(self, bound: Iterable[Bound]) -> list[Any]:
        done = []
        for one in bound:
            if self.statements_left == 0:
                raise PowerCutError
            if self.statements_left is not None:
                self.statements_left -= 1
            done += super()._all([one])
        return done


@pytest.fixture(scope="module")
def crashing(store: CassandraStore) -> Iterator[Crashing]:
    opened = Crashing(store._keyspace)
    yield opened
    opened.close()


crashed = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
any_history = given(history=histories(ordered=True, most_users=2), data=st.data())


@settings(crashed, max_examples=examples(100))
@any_history
def test_no_crash_leaves_a_wrong_members_row(
    crashing: Crashing, store: CassandraStore, history: History, data: st.DataObject
) -> None:
    check_crashes(crashing, store, history, data)


@pytest.mark.long
@settings(crashed, max_examples=examples(1_000))
@any_history
def test_no_crash_of_many_leaves_a_wrong_members_row(
    crashing: Crashing, store: CassandraStore, history: History, data: st.DataObject
) -> None:
    check_crashes(crashing, store, history, data)


def check_crashes(
    crashing: Crashing, store: CassandraStore, history: History, data: st.DataObject
) -> None:
    """Words under way in a crash may be compacted away before the next attempt; never last ones."""
    prefix = f"x{next(numbers)}-"
    history = history.named(prefix)
    lasting: list[Change] = []
    for batch in history.batches:
        crashing.statements_left = data.draw(st.none() | st.integers(0, 8), label="left")
        try:
            crashing.apply(batch, [])
        except PowerCutError:
            lasting += [
                word
                for word in batch
                if word == history.said[word.user][-1] or data.draw(st.booleans(), label="kept")
            ]
    store.apply(lasting, [])
    holds(store, history, prefix)


@pytest.mark.parametrize("statements", range(7))
@pytest.mark.parametrize("next_version", [2, 3])
def test_a_crash_while_a_user_moves_on_is_made_good(
    crashing: Crashing, store: CassandraStore, prefix: str, statements: int, next_version: int
) -> None:
    """The same word comes again, or it was compacted away and a newer one comes."""
    user, old, new = f"{prefix}ann", f"{prefix}old", f"{prefix}new"
    newest = f"{prefix}{next_version}"
    segments = {2: [new], 3: [newest]}
    store.apply([assignment(user, 1, [old])], [])
    crashing.statements_left = statements
    try:
        crashing.apply([assignment(user, 2, [new])], [])
    except PowerCutError:
        assert statements < 5
    store.apply([assignment(user, next_version, segments[next_version])], [])
    listed = {name: [m.user for m in store.members(name)] for name in (old, new, newest)}
    assert {name for name in listed if listed[name]} == {*segments[next_version]}


def test_versions_are_the_timestamps_of_everything(
    store: CassandraStore, admin: Session, prefix: str
) -> None:
    user, segment = f"{prefix}ann", f"{prefix}bots"
    store.apply([assignment(user, 41, [segment])], [enter(user, segment, 42)])
    stamps = admin.execute("SELECT writetime(record) FROM assignments WHERE user = %s", [user])
    assert stamps.one()[0] == 41
    stamps = admin.execute(
        "SELECT writetime(version) FROM members WHERE audience = %s AND bucket = %s",
        [segment_audience(segment), bucket(user)],
    )
    assert stamps.one()[0] == 41
    stamps = admin.execute("SELECT writetime(record) FROM transitions WHERE user = %s", [user])
    assert stamps.one()[0] == 42


def test_versions_are_the_timestamps_of_outcomes(
    store: CassandraStore, admin: Session, prefix: str
) -> None:
    day = DayOutcomes(f"{prefix}bots", "s1", "2026-11-27", version=41, entries=3)
    store.apply([], [], [day])
    found = admin.execute(
        "SELECT day, version, writetime(record) AS written FROM outcomes "
        "WHERE kind = 'day' AND model = '' AND name = %s AND day >= '2026-11-01'",
        [day.name],
    ).one()
    assert (found.day, found.version, found.written) == (day.day, 41, 41)


def test_a_keyspace_of_before_serves_whoever_measures_nothing(
    own_keyspace: CassandraAccess, node_as: Callable[[Login], Node]
) -> None:
    administrator = connect(node_as(own_keyspace.admin()), own_keyspace.keyspace)
    administrator.execute("DROP TABLE outcomes")
    store = cassandra_store(own_keyspace)
    store.check()
    store.apply([assignment("ann", 1, ["bots"])], [])
    store.empty()
    assert list(store.assignments()) == []
    with pytest.raises(PreflightError, match=r"outcomes.*cassandra\.cql"):
        store.check(outcomes=True)
    with pytest.raises(StoreError, match=r"can't be read.*outcomes"):
        list(store.outcomes())
    create_schema(administrator, own_keyspace.keyspace)
    close(administrator)
    day = DayOutcomes("bots", "s1", "2026-11-27", version=1)
    store.check(outcomes=True)
    store.apply([], [], [day])
    assert list(store.outcomes()) == [day]
    stack.processes.wait_until(lambda: emptied(store), PATIENCE_S)
    assert list(store.outcomes()) == []
    store.close()


def emptied(store: CassandraStore) -> bool:
    """The driver learns of a new table a little later."""
    store.empty()
    return not list(store.outcomes())


def test_transitions_expire(module_keyspace: CassandraAccess, admin: Session, prefix: str) -> None:
    for keep, most_s in (("90d", 90 * 86_400), ("1h", 3_600)):
        user = f"{prefix}{keep}"
        store = cassandra_store(module_keyspace, keep_transitions=keep)
        store.apply([], [enter(user, "bots", 1)])
        store.close()
        left = admin.execute("SELECT ttl(record) FROM transitions WHERE user = %s", [user])
        assert most_s - 600 < left.one()[0] <= most_s


def test_a_bucket_of_more_than_a_page_is_listed_whole(store: CassandraStore, prefix: str) -> None:
    names = (f"{prefix}{number}" for number in itertools.count())
    crowded = list(itertools.islice((n for n in names if bucket(n) == 0), PAGE + 1))
    segment = f"{prefix}crowd"
    for start in range(0, len(crowded), 200):
        store.apply([assignment(user, 1, [segment]) for user in crowded[start : start + 200]], [])
    assert sorted(member.user for member in store.members(segment)) == sorted(crowded)


def test_users_spread_over_all_buckets() -> None:
    counts = [0] * BUCKETS
    for number in range(32_000):
        counts[bucket(f"user-{number}")] += 1
    assert min(counts) > 800
    assert max(counts) < 1_200


def test_the_bucket_of_a_user_is_for_ever() -> None:
    """Rows are found by it: another hash or count would lose those that are stored."""
    for user in ("ann", "", "日本", "a\x00b", "x" * 300):
        assert bucket(user) == crc32_bit_by_bit(user.encode()) % 32


def crc32_bit_by_bit(text: bytes) -> int:
    """CRC-32 (ISO 3309), reflected."""
    rest = 0xFFFFFFFF
    for byte in text:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0xEDB88320 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF


@pytest.mark.long
def test_a_store_that_was_down_recovers(own_stack: Path) -> None:
    access = stack.up(own_stack, parts=("cassandra",)).cassandra
    assert access is not None
    store = cassandra_store(access, timeout="2s")
    store.apply([assignment("ann", 1, ["bots"])], [])

    pid = stack.status(own_stack)[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match="can't be written"):
            store.apply([assignment("ann", 2, ["late"])], [])
    finally:
        os.kill(pid, signal.SIGCONT)

    stack.down(own_stack)
    with pytest.raises(StoreError, match="can't be written"):
        store.apply([assignment("ann", 3, [])], [])
    with pytest.raises(StoreError, match="can't be read"):
        store.lookup("ann")
    fresh = cassandra_store(access)
    with pytest.raises(PreflightError, match=f"127.0.0.1 port {access.port}.*refused"):
        fresh.check()

    stack.up(own_stack, parts=("cassandra",))
    assert fresh.lookup("ann") is not None
    fresh.close()
    repeat(lambda: store.apply([assignment("ann", 4, ["late"])], []))
    assert store.lookup("ann") == assignment("ann", 4, ["late"])
    assert list(store.members("bots")) == []
    store.close()


def repeat(write: Callable[[], None]) -> None:
    """Write again and again, as `upsert` does, until the driver has found the node again."""

    def written() -> bool:
        try:
            write()
        except StoreError:
            return False
        return True

    assert stack.processes.wait_until(written, PATIENCE_S)


def test_a_wrong_password_is_told(cassandra: CassandraAccess) -> None:
    store = cassandra_store(cassandra, Login(cassandra.user, "hunter2"))
    with pytest.raises(PreflightError, match=f"port {cassandra.port}.*incorrect") as error:
        store.check()
    assert "hunter2" not in str(error.value)


def test_a_keyspace_that_is_not_there_is_told(cassandra: CassandraAccess) -> None:
    with pytest.raises(PreflightError, match=r"'nowhere' does not exist.*cassandra\.cql"):
        cassandra_store(cassandra, keyspace="nowhere").check()


def test_a_datacenter_that_is_not_there_is_told(cassandra: CassandraAccess) -> None:
    with pytest.raises(PreflightError, match=r"'atlantis', found datacenter1"):
        cassandra_store(cassandra, datacenter="atlantis").check()


@pytest.fixture
def reader(cassandra: CassandraAccess, admin: Session) -> Login:
    admin.execute(
        "CREATE KEYSPACE IF NOT EXISTS bare "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    admin.execute("CREATE ROLE IF NOT EXISTS reader WITH LOGIN = true AND PASSWORD = 'reader'")
    for keyspace in ("bare", cassandra.keyspace):
        admin.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO reader")
    return Login("reader", "reader")


def test_missing_tables_are_told_and_can_be_made(
    cassandra: CassandraAccess, module_keyspace: CassandraAccess, admin: Session, reader: Login
) -> None:
    with pytest.raises(PreflightError, match=r"does not exist.*cassandra\.cql"):
        cassandra_store(cassandra, reader, keyspace="bare").check()
    create_schema(admin, "bare")
    create_schema(admin, "bare")
    admin.set_keyspace(module_keyspace.keyspace)
    admin.execute("GRANT MODIFY ON KEYSPACE bare TO reader")
    store = cassandra_store(cassandra, reader, keyspace="bare")
    stack.processes.wait_until(lambda: passes(store), PATIENCE_S)
    store.check()
    store.close()


def test_a_missing_right_is_told(cassandra: CassandraAccess, reader: Login) -> None:
    store = cassandra_store(cassandra, reader)
    with pytest.raises(PreflightError, match=r"MODIFY.*needs SELECT and MODIFY"):
        store.check()
    store.close()


def passes(store: CassandraStore) -> bool:
    try:
        store.check()
    except PreflightError:
        return False
    return True
