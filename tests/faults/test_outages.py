"""Servers that go away: what is told of it, and a broker that is away for minutes."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from flink_job import stack
from tests.stack.live import stopped, until
from tests.stack.places import Moves, Shop, converges
from tests.stack.servers import cassandra_store, pids

pytestmark = [pytest.mark.faults, pytest.mark.stack]

AWAY_S = 200  # after two minutes Kafka's producers give up, and the job fails


def moves(place: str) -> Moves:
    return [(f"user-{number}", place) for number in range(50)]


def test_servers_that_go_away_are_told_and_that_they_are_back(
    own_stack: Path, tmp_path: Path
) -> None:
    servers = stack.up(own_stack)
    assert servers.bootstrap is not None
    assert servers.cassandra is not None
    shop = Shop(servers.bootstrap, "away", servers.cassandra, tmp_path)
    in_cassandra = cassandra_store(servers.cassandra)
    names = {"cassandra": in_cassandra.server, "kafka": f"Kafka at {servers.bootstrap}"}
    with shop.process("run") as run, closing(in_cassandra):
        shop.move(moves("shelf"))
        until(shop.has_decided, run, "the first places")
        converges(in_cassandra, shop, run)
        for part, place in (("cassandra", "cart"), ("kafka", "till")):
            # Nothing is written while it goes away.
            os.kill(pids(own_stack)[part] or 0, signal.SIGKILL)
            gone = f"! {names[part]} does not answer: nothing is lost"
            until(lambda gone=gone: gone in shop.said(), run, f"{part} to be missed")
            if part == "cassandra":
                shop.move(moves(place))
                until(shop.has_decided, run, "what is decided without it")
            stack.up(own_stack, parts=(part,))
            back = f"✓ {names[part]} is back after "
            until(lambda back=back: back in shop.said(), run, f"{part} to be back")
            shop.move(moves(place))
            until(shop.has_decided, run, "all that was seen to be judged")
            converges(in_cassandra, shop, run)
        assert shop.said().count("does not answer") == 2
        stopped(run)


def test_a_live_job_outlasts_a_long_absence_of_kafka(own_stack: Path, tmp_path: Path) -> None:
    bootstrap = stack.up(own_stack, parts=("kafka",)).bootstrap
    assert bootstrap is not None
    shop = Shop(bootstrap, "outage", None, tmp_path)
    with shop.process("run") as run:
        shop.move(moves("shelf"))
        until(shop.has_decided, run, "the first places")
        shop.move(moves("cart"))
        os.kill(pids(own_stack)["kafka"] or 0, signal.SIGKILL)
        time.sleep(AWAY_S)
        assert run.poll() is None, shop.said()
        assert "failed and restarted" in shop.said()
        stack.up(own_stack, parts=("kafka",))
        shop.move(moves("till"))
        until(shop.has_decided, run, "all that was seen to be judged")
        stopped(run)
