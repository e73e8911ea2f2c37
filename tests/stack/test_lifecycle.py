"""A real stack comes up, keeps what it has, and goes down alone."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from flink_job import stack
from flink_job.stack.ports import HOST, load_ports
from flink_job.stores.cassandra_session import Node, close, connect
from operators.base.errors import PreflightError, UsageError
from tests.patience import PATIENCE_S
from tests.stack.servers import bootstrap_of, pids

pytestmark = pytest.mark.stack


def test_a_stack_keeps_data_and_ports_over_a_restart(own_stack: Path) -> None:
    first = stack.up(own_stack)
    write_event(bootstrap_of(first), "seen before the restart")
    write_row(first, "ann")

    assert sorted(stack.down(own_stack)) == ["cassandra", "kafka"]
    assert pids(own_stack) == {"kafka": None, "cassandra": None}
    assert stack.down(own_stack) == ()

    second = stack.up(own_stack)
    assert second == first
    assert read_event(bootstrap_of(second)) == "seen before the restart"
    assert read_rows(second) == ["ann"]


def test_up_twice_and_at_once_is_one_stack_which_a_failed_start_leaves(own_stack: Path) -> None:
    begun = threading.Barrier(2)

    def up() -> stack.Stack:
        begun.wait()
        return stack.up(own_stack, parts=("kafka",))

    with ThreadPoolExecutor(2) as pool:
        one, other = (future.result() for future in (pool.submit(up), pool.submit(up)))
    assert one == other
    before = pids(own_stack)
    assert before["kafka"] is not None
    assert stack.up(own_stack, parts=("kafka",)) == one
    assert pids(own_stack) == before

    kept = load_ports(own_stack / "stack.json").kafka
    assert stack.up(own_stack, kafka_port=kept, parts=("kafka",)) == one
    with pytest.raises(UsageError, match=f"already runs on port {kept}"):
        stack.up(own_stack, kafka_port=20_000, parts=("kafka",))
    assert pids(own_stack) == before

    # A start that fails leaves what ran before.
    (own_stack / "cassandra").mkdir()
    (own_stack / "cassandra" / "data").write_text("a file where the folder should be")
    with pytest.raises(PreflightError, match=r"Cassandra ended while starting.*cassandra\.log"):
        stack.up(own_stack)
    assert pids(own_stack) == {**before, "cassandra": None}


def test_a_start_that_fails_takes_back_what_it_started(own_stack: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        with pytest.raises(UsageError, match="--cassandra-port"):
            stack.up(own_stack, cassandra_port=stranger.getsockname()[1])
    assert pids(own_stack) == {"kafka": None}


def test_a_broker_that_can_not_start_says_why(own_stack: Path) -> None:
    (own_stack / "kafka").mkdir(parents=True)
    (own_stack / "kafka" / "data").write_text("a file where the folder should be")
    with pytest.raises(PreflightError, match="Kafka's data folder can't be formatted"):
        stack.up(own_stack, parts=("kafka",))
    assert pids(own_stack) == {"kafka": None}


def test_there_is_no_stack_in_an_empty_folder(tmp_path: Path) -> None:
    assert stack.down(tmp_path / "none") == ()
    assert stack.status(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()
    with pytest.raises(UsageError, match="flockwise stack up"):
        stack.find(tmp_path / "none")


def test_servers_listen_on_the_local_machine_only(kafka: str) -> None:
    port = int(kafka.rpartition(":")[2])
    with socket.socket() as everywhere:
        everywhere.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Taken on 127.0.0.1 alone, the port is still free on its neighbour.
        everywhere.bind(("127.0.0.2", port))


def write_event(bootstrap: str, text: str) -> None:
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    # Dated long ago, as a replayed history is: retention by age must not take it.
    producer.send("kept", text.encode(), timestamp_ms=0).get(timeout=PATIENCE_S)
    producer.close()


def read_event(bootstrap: str) -> str:
    consumer = KafkaConsumer(
        "kept",
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=int(PATIENCE_S * 1_000),
    )
    try:
        return str(next(iter(consumer)).value, "utf-8")
    finally:
        consumer.close()


def write_row(found: stack.Stack, user: str) -> None:
    assert found.cassandra is not None
    session = connect(node(found), found.cassandra.keyspace)
    session.execute("INSERT INTO assignments (user, version) VALUES (%s, 1)", [user])
    close(session)


def read_rows(found: stack.Stack) -> list[str]:
    assert found.cassandra is not None
    session = connect(node(found), found.cassandra.keyspace)
    users = [row.user for row in session.execute("SELECT user FROM assignments")]
    close(session)
    return users


def node(found: stack.Stack) -> Node:
    assert found.cassandra is not None
    access = found.cassandra
    return Node((access.host,), access.port, access.login())
