"""A stack keeps its ports, and says what to do when one can't be had."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flink_job.stack.ports import (
    HOST,
    Ports,
    choose_ports,
    exchange,
    free_port,
    is_free,
    load_ports,
    save_ports,
)
from operators.base.errors import PreflightError, UsageError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def choice() -> random.Random:
    return random.Random(7)


def test_new_ports_are_free_differ_and_lie_below_the_ephemeral_range(choice: random.Random) -> None:
    ports = choose_ports(Ports(), "kafka", None, choice)
    ports = choose_ports(ports, "cassandra", None, choice)
    chosen = [ports.kafka, ports.controller, ports.cassandra, ports.storage]
    assert len({*chosen}) == 4
    assert all(port and 20_000 <= port < 32_000 and is_free(port) for port in chosen)


def test_kept_ports_are_chosen_again(choice: random.Random) -> None:
    kept = choose_ports(Ports(), "cassandra", None, choice)
    assert choose_ports(kept, "cassandra", None, choice) == kept


def test_a_wanted_port_is_taken_and_the_inner_one_kept(choice: random.Random) -> None:
    kept = choose_ports(Ports(), "kafka", None, choice)
    wanted = free_port({kept.kafka or 0, kept.controller or 0}, choice)
    ports = choose_ports(kept, "kafka", wanted, choice)
    assert ports == Ports(kafka=wanted, controller=kept.controller)


def test_the_inner_port_gives_way_to_a_wanted_one(choice: random.Random) -> None:
    kept = choose_ports(Ports(), "kafka", None, choice)
    ports = choose_ports(kept, "kafka", kept.controller, choice)
    assert ports.kafka == kept.controller
    assert ports.controller not in {None, kept.controller}


def test_an_inner_port_that_was_taken_meanwhile_is_replaced(
    taken: int, choice: random.Random
) -> None:
    kept = choose_ports(Ports(controller=taken), "kafka", None, choice)
    assert kept.controller != taken


def test_a_wanted_port_that_is_taken_is_refused(taken: int, choice: random.Random) -> None:
    with pytest.raises(UsageError, match=f"port {taken} is taken.*--kafka-port"):
        choose_ports(Ports(), "kafka", taken, choice)


def test_two_parts_do_not_share_a_port(choice: random.Random) -> None:
    kept = choose_ports(Ports(), "kafka", None, choice)
    for port in (kept.kafka, kept.controller):
        with pytest.raises(UsageError, match="--cassandra-port"):
            choose_ports(kept, "cassandra", port, choice)


def test_a_kept_port_that_is_taken_says_what_to_do(taken: int, choice: random.Random) -> None:
    with pytest.raises(PreflightError, match=f"port {taken}, which cassandra had"):
        choose_ports(Ports(cassandra=taken), "cassandra", None, choice)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_number_that_is_no_port_is_refused(port: int, choice: random.Random) -> None:
    with pytest.raises(UsageError, match="expected a port from 1 to 65535"):
        choose_ports(Ports(), "kafka", port, choice)


def test_ports_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    assert load_ports(path) == Ports()
    ports = Ports(kafka=21_000, controller=21_001)
    save_ports(ports, path)
    assert load_ports(path) == ports


def test_a_file_with_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text('{"kafka": "nine"}')
    with pytest.raises(UsageError, match=r"stack\.json"):
        load_ports(path)


def test_a_port_where_nobody_answers_gives_nothing(choice: random.Random) -> None:
    assert exchange(free_port((), choice), b"?", 9) == b""
