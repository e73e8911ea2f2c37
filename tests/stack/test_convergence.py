"""A store that was away, even through a compaction of the changelog, converges to it."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from flink_job import stack
from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra import CassandraStore
from flink_job.stores.cassandra_session import Node, close, connect
from tests.patience import PATIENCE_S
from tests.stack.live import stopped, until
from tests.stack.places import Moves, Shop, converges, newest_of
from tests.stack.servers import cassandra_store

pytestmark = [pytest.mark.stack, pytest.mark.flink]

# Of Kafka's record batches: the length of what follows it, the attributes, the count of records.
BATCH_HEADER = struct.Struct(">8xi9xh34xi")
LENGTH_ENDS_AT = 12
CONTROL = 0x20
# Where users of each kind are seen: while the store is there, and twice while it is away.
WAYS = {
    "still": ("shelf", None, None),
    "moved": ("shelf", "cart", "till"),
    "back": ("shelf", "cart", "shelf"),
    "left": ("till", "shelf", "street"),
    "new": (None, "shelf", "cart"),
    "passing": (None, "till", "street"),
}
OF_EACH = 10
CROWD = 200


def ways(step: int) -> Moves:
    """Where users are seen at a step of their ways."""
    return [
        (f"{kind}-{number}", place)
        for kind, way in WAYS.items()
        for number in range(OF_EACH)
        if (place := way[step])
    ]


def make_compact(shop: Shop, data: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the changelog has lost every record of users on their ways but the newest,
    and the ends of transactions of which nothing else is left."""
    newest = newest_of(shop.assignments())
    ever = {(told.user, told.version) for told in shop.transitions()}
    older = ever - {(user, now.version) for user, now in newest.items()}
    changed = {kind for kind, way in WAYS.items() if len([*filter(None, way)]) > 1}
    assert {user.partition("-")[0] for user, _ in older} == changed
    places = cycle(("shelf", "street"))
    hollow: list[bool] = []

    def compacted() -> bool:
        # A segment is closed when a record comes that is younger: one in every partition.
        place = next(places)
        shop.move((f"restless-{number}", place) for number in range(20))
        # They come, and go again with a later cleaning.
        hollow.append(hollow_ends(data, f"{shop.name}-assignments"))
        left = older & {(now.user, now.version) for now in shop.assignments()}
        return any(hollow) and not left

    until(compacted, process, "the changelog to be compacted")
    until(shop.has_decided, process, "the last of the restless")


def hollow_ends(data: Path, topic: str) -> bool:
    """Whether a topic holds ends of transactions that the broker has made empty.

    It does so a day after it has compacted the records (`delete.retention.ms`), and keeps
    the empty batch to know the producer by.
    """
    return any(
        flags & CONTROL and not count
        for path in data.glob(f"{topic}-*/*.log")
        for flags, count in batches(log_of(path))
    )


def log_of(segment: Path) -> bytes:
    """What a segment of a topic holds: nothing once the broker has deleted it."""
    try:
        return segment.read_bytes()
    except FileNotFoundError:
        return b""


def batches(log: bytes) -> Iterator[tuple[int, int]]:
    """The flags of each batch of a log, and how many records it holds."""
    start = 0
    while start + BATCH_HEADER.size <= len(log):
        length, flags, count = BATCH_HEADER.unpack_from(log, start)
        yield flags, count
        start += length + LENGTH_ENDS_AT


@pytest.fixture(scope="module")
def node(
    tmp_path_factory: pytest.TempPathFactory, server_jars: None
) -> Iterator[tuple[Path, CassandraAccess]]:
    """A Cassandra that these tests may end, and its folder."""
    folder = tmp_path_factory.mktemp("away")
    access = stack.up(folder, parts=("cassandra",)).cassandra
    assert access is not None
    yield folder, access
    stack.down(folder)


@pytest.fixture
def store(node: tuple[Path, CassandraAccess]) -> Iterator[CassandraStore]:
    """Its tables, which are empty and nobody's."""
    folder, access = node
    stack.up(folder, parts=("cassandra",))
    empty(access)
    with closing(cassandra_store(access)) as opened:
        yield opened


def empty(access: CassandraAccess) -> None:
    admin = connect(Node((access.host,), access.port, access.admin()), access.keyspace)
    for table in ("assignments", "members", "transitions", "owner"):
        admin.execute(f"TRUNCATE {table}")
    close(admin)


@pytest.mark.faults
def test_a_store_that_was_away_through_a_compaction_converges(
    kafka: str,
    stack_folder: Path,
    node: tuple[Path, CassandraAccess],
    store: CassandraStore,
    tmp_path: Path,
) -> None:
    folder, access = node
    (broker,) = [part for part in stack.status(stack_folder) if part.part == "kafka"]
    shop = Shop(kafka, "away", access, tmp_path)
    with shop.process("run") as run:
        shop.move(ways(0))
        until(shop.has_decided, run, "the first places")
        first = shop.assignments()
        converges(store, shop, run)
        stopped(run)

    # Its producers write no more: the ends of their last transactions are what becomes empty.
    with shop.process("run", "--resume") as run:
        shop.move([("restless-0", "shelf")])
        until(shop.has_decided, run, "the run to go on")
        stack.down(folder, parts=("cassandra",))
        for step in (1, 2):
            shop.move(ways(step))
            until(shop.has_decided, run, "segmentation to go on without the store")
        make_compact(shop, broker.data, run)
        stack.up(folder, parts=("cassandra",))
        converges(store, shop, run)
        stopped(run)

    # An upsert that begins with nothing meets users that the store does not know, and others
    # of whom it holds what was true long ago: nobody will tell it what came in between.
    shutil.rmtree(tmp_path / "state" / "upsert")
    empty(access)
    store.apply([now for now in first if now.user.endswith(tuple("02468"))], [])
    with shop.process("upsert") as upsert:
        converges(store, shop, upsert)
        stopped(upsert)


@contextmanager
def crowded(shop: Shop) -> Iterator[None]:
    """See a crowd here and there all the while."""
    enough = threading.Event()

    def crowd() -> None:
        for place in cycle(("shelf", "cart", "till", "street")):
            for first in range(0, CROWD, 20):
                shop.move((f"one-{number}", place) for number in range(first, first + 20))
                if enough.wait(0.1):
                    return

    thread = threading.Thread(target=crowd)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def stored(store: CassandraStore) -> int:
    """How many users the store knows."""
    return sum(1 for _ in store.assignments())


def kill_upsert(shop: Shop) -> None:
    (upsert,) = shop.upserts()
    os.kill(upsert, signal.SIGKILL)


@pytest.mark.faults
def test_an_upsert_that_is_killed_while_it_writes_is_started_again_and_the_store_converges(
    kafka: str, node: tuple[Path, CassandraAccess], store: CassandraStore, tmp_path: Path
) -> None:
    _, access = node
    shop = Shop(kafka, "killed-upsert", access, tmp_path)
    with shop.process("run") as run:
        with crowded(shop):
            until(lambda: stored(store) > CROWD / 2, run, "upsert to be in the midst of writing")
            kill_upsert(shop)
            before = len(shop.transitions())
            until(lambda: len(shop.transitions()) > before, run, "segmentation to go on")
        until(shop.has_decided, run, "the last places")
        converges(store, shop, run)
        assert "`upsert` ended and is started again; segmentation goes on" in shop.said()
        assert len(shop.upserts()) == 1
        with crowded(shop):
            seen = len(shop.transitions())
            until(lambda: len(shop.transitions()) > seen + CROWD, run, "more to be written")
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    with shop.process("run", "--resume") as run:
        until(shop.has_decided, run, "the last places")
        converges(store, shop, run)
        stopped(run)


@pytest.mark.faults
def test_an_upsert_does_not_outlive_a_run_that_was_killed(
    kafka: str, node: tuple[Path, CassandraAccess], store: CassandraStore, tmp_path: Path
) -> None:
    shop = Shop(kafka, "killed-run", node[1], tmp_path)
    with shop.process("run") as run:
        shop.move(ways(0))
        until(shop.has_decided, run, "the first places")
        converges(store, shop, run)
        run.kill()
        run.wait()
        assert stack.processes.wait_until(lambda: not shop.upserts(), PATIENCE_S)
