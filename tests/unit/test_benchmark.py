"""What `make bench` tells, without measuring anything."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.contenders.simple import MARKS, PARTITIONS, decode, events, marker, step
from tests.benchmarks.contenders.simple import new_profile as new
from tests.benchmarks.parts import PARTS, ROOMS, RoomOf
from tests.benchmarks.room import Asked, BadAnswerError, Room, figures_in
from tests.benchmarks.spending import family_bytes, family_cpu_s, marked
from tests.benchmarks.workloads.shop import shop, spread, with_a_hot_user
from tests.benchmarks.workloads.workload import OLD_HANDS, SPENDERS, Tally

END_US = 1_790_000_000_000_000
ASKED_FOR = (
    "presets scan_heap scan_rocksdb scan_rich replay replay_rich judgements idle_cpu "
    "quixstreams_cold bytewax_cold quixstreams_warm bytewax_warm quixstreams_whole upsert "
    "million_users hot_user outcomes p50_ms p99_ms p99_million_ms start_million_s"
)


def test_every_part_has_its_key() -> None:
    assert sorted(PARTS) == sorted(ASKED_FOR.split())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.module)
def test_every_room_measures(room: RoomOf) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{room.module}").measure)


def test_what_fails_is_a_line_and_no_more(tmp_path: Path) -> None:
    def fail() -> None:
        raise BadAnswerError("answers are wrong\nand more of it")

    told = tmp_path / "figures"
    room = Room(Asked("rates", ["replay", "scan_heap"], True, 0, str(tmp_path), str(told)))
    room.trying(["scan_heap"], fail)
    room.trying(["replay"], lambda: room.tell("replay", 0.5, cpu_us=2.0))
    room.trying(["hot_user"], fail)  # nobody has asked for it
    found = figures_in(told)
    assert found.keys() == {"scan_heap", "replay"}
    assert (found["scan_heap"].value, found["scan_heap"].why) == (None, "answers are wrong")
    assert (found["replay"].value, found["replay"].beside) == (0.5, {"cpu_us": 2.0})


def test_a_family_has_what_its_members_take() -> None:
    words = [sys.executable, "-c", "input()"]
    mark = {"FLOCKWISE_BENCH": "this test"}
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ | mark) as child:
        assert family_bytes(os.getpid()) > family_bytes(child.pid) > 0
        assert family_cpu_s(os.getpid()) >= family_cpu_s(child.pid)
        assert list(marked("FLOCKWISE_BENCH=this test")) == [child.pid]
        child.communicate(b"\n")


def test_events_of_others_are_the_same_events() -> None:
    usual, dealt = list(shop(END_US, 600, 6)), list(spread(shop(END_US, 600, 6), 3))
    hot = list(with_a_hot_user(shop(END_US, 600, 6)))
    assert len(usual) == len(dealt) == len(hot) == 600
    assert len({user for user, _ in dealt}) == 3 * len({user for user, _ in usual})
    assert sum(user == b"hot" for user, _ in hot) == 300
    assert all(value.startswith(b'{"user_id":"' + user + b'"') for user, value in dealt + hot)


def test_a_tally_knows_who_has_spent_and_who_has_been_seen() -> None:
    tally = Tally()
    rich = b'{"user_id":"a","event_type":"purchase","price":1500.5}'
    given = [(b"a", rich)] + [(b"b", b'{"user_id":"b","event_type":"view"}')] * 151
    assert list(tally.counted(given)) == given
    assert tally.members(SPENDERS) == {"a"}
    assert tally.members(OLD_HANDS) == {"b"}
    assert not tally.doubtful()


def test_each_partition_of_the_simple_workload_has_its_marks() -> None:
    given = list(events(1_000, 50, now_ms=1))
    marks = [(user.decode(), part) for part, user, _ in given if user.startswith(b"mark")]
    tenths = range(1, MARKS + 1)
    assert marks == [(marker(t, part), part) for t in tenths for part in range(PARTITIONS)]
    assert given[-1][1].decode() == marker(MARKS, PARTITIONS - 1)
    profile = new()
    assert step(profile, decode(given[-1][2]))  # the first event of somebody is told
    assert not step(profile, decode(given[-1][2]))
