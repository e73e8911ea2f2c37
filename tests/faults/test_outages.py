"""A broker that is away for longer than producers wait for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from flink_job import stack
from tests.stack.live import stopped, until
from tests.stack.places import Moves, Shop
from tests.stack.servers import pids

pytestmark = [pytest.mark.faults, pytest.mark.stack]

AWAY_S = 200  # after two minutes Kafka's producers give up, and the job fails


def moves(place: str) -> Moves:
    return [(f"user-{number}", place) for number in range(50)]


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
