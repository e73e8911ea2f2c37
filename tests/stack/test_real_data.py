"""Real events through the real servers: load -> Kafka -> run -> Kafka and Cassandra, against the
oracle: every user's segments at the end, and every event accounted for.
"""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.reading import read_to_end
from flink_job.stack import CassandraAccess
from flink_job.stores.cassandra import CassandraStore
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    transition_decoder,
)
from tests.oracle import SECOND, Conditions, Event, User
from tests.stack.servers import cassandra_store

pytestmark = [pytest.mark.stack, pytest.mark.flink]

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
DATA = Path(os.environ.get("FLOCKWISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
HOUR = 3600 * SECOND
TAOBAO_COLUMNS = ["user_id", "item_id", "category_id", "behaviour", "at"]
# As the documentation has it: the largest of the round lengths that cuts a window into 12 or more.
TILES = {"1h": 300 * SECOND, "2h": 600 * SECOND}


@pytest.fixture
def environ(kafka: str, own_keyspace: CassandraAccess) -> dict[str, str]:
    """What `flockwise stack up` tells people to set."""
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP": kafka,
        "CASSANDRA_HOST": own_keyspace.host,
        "CASSANDRA_PORT": str(own_keyspace.port),
        "CASSANDRA_USER": own_keyspace.user,
        "OWN_KEYSPACE": own_keyspace.keyspace,
        "CASSANDRA_PASSWORD": own_keyspace.password_file.read_text().strip(),
    }


@pytest.fixture
def store(own_keyspace: CassandraAccess) -> Iterator[CassandraStore]:
    with closing(cassandra_store(own_keyspace)) as opened:
        yield opened


def data(name: str) -> Path:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"there is no {path}: set FLOCKWISE_DATA to the folder of the real events")
    return path


def copy_of(name: str, folder: Path, environ: Mapping[str, str], **run_: Any) -> Path:
    """The example beside a state folder of the test's own."""
    config = yaml.safe_load((EXAMPLES / name).read_text())
    config["run"]["as_of"] = config["run"]["as_of"].strftime("%Y-%m-%dT%H:%M:%SZ")
    config["run"] |= {"state": "state", **run_}
    config["store"]["keyspace"] = environ["OWN_KEYSPACE"]
    path = folder / name
    path.write_text(yaml.safe_dump(config))
    return path


def flockwise(environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flink_job", *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def committed(bootstrap: str, prefix: str) -> tuple[dict[str, Assignment], list[Transition]]:
    broker = Broker(bootstrap)
    newest: dict[str, Assignment] = {}
    for record in read_to_end(broker, [f"{prefix}-assignments"]):
        assignment = assignment_decoder.decode(record.value)
        assert record.key.decode() == assignment.user
        if assignment.user not in newest or newest[assignment.user].version < assignment.version:
            newest[assignment.user] = assignment
    transitions = [
        transition_decoder.decode(record.value)
        for record in read_to_end(broker, [f"{prefix}-transitions"])
    ]
    assert list(read_to_end(broker, [f"{prefix}-dead-letters"])) == []
    return newest, transitions


def segments_by_oracle(config: Mapping[str, Any], events: list[Event]) -> dict[str, set[str]]:
    """Every user's segments at `as_of`."""
    conditions, users = Conditions(), dict[str, User]()
    windows = {
        name: str(spec.get("window", spec.get("sessions")))
        for name, spec in config["features"].items()
    }
    tiles = {name: TILES[window] for name, window in windows.items() if window in TILES}
    longest = max(
        (window for window in windows.values() if window in TILES), key=lambda w: TILES[w]
    )
    retained = (TILES[longest], int(longest[:-1]) * HOUR // TILES[longest])
    gap = int(config["events"].get("session_gap", "30m")[:-1]) * 60 * SECOND
    by_id = "session" in config["events"]
    for event in events:
        user = users.setdefault(event.user, User(config["features"], tiles, retained, gap, by_id))
        assert user.add(event), "a file in order has no late events"
    as_of = round(config["run"]["as_of"].replace(tzinfo=UTC).timestamp()) * SECOND
    found = {}
    for name, user in users.items():
        values = user.values(as_of)
        found[name] = {
            segment
            for segment, spec in config["segments"].items()
            if conditions.holds(spec["when"], values) is True
        }
    return found


def check_run(
    folder: Path, name: str, events: list[Event], environ: Mapping[str, str], store: CassandraStore
) -> None:
    """Run the example over what was loaded, and hold every user against the oracle."""
    config = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    done = flockwise(environ, "run", str(copy_of(f"{name}.yaml", folder, environ)))
    count = f"{len(events):,}"
    assert f"{count} events" in done.stderr
    assert f"{count} applied, 0 dead letters" in " ".join(done.stderr.split())

    expected = segments_by_oracle(config, events)
    assignments, transitions = committed(environ["KAFKA_BOOTSTRAP"], name)
    assert {user: set(a.segments) for user, a in assignments.items()} == expected
    assert all(assignment.cluster is not None for assignment in assignments.values())
    assert memberships_told(transitions) == {
        (user, segment) for user, segments in expected.items() for segment in segments
    }
    for user in sorted(expected)[:: max(len(expected) // 500, 1)]:
        assert store.lookup(user) == assignments[user]
    for segment in config["segments"]:
        stored = {member.user for member in store.members(segment)} & expected.keys()
        assert stored == {user for user, segments in expected.items() if segment in segments}


def memberships_told(transitions: list[Transition]) -> set[tuple[str, str]]:
    """Who is in what by the transitions alone, which must go in and out by turns."""
    moves: dict[tuple[str, str], list[Transition]] = defaultdict(list)
    for transition in transitions:
        moves[transition.user, transition.segment].append(transition)
    for told in moves.values():
        told.sort(key=lambda transition: transition.version)
        assert [t.kind for t in told] == (["enter", "leave"] * len(told))[: len(told)]
        assert len({t.version for t in told}) == len(told)
    return {key for key, told in moves.items() if told[-1].kind == "enter"}


@pytest.mark.long
def test_rees46(tmp_path: Path, environ: dict[str, str], store: CassandraStore) -> None:
    path = data("rees46_2019oct_17k.csv.gz")
    config = str(copy_of("rees46.yaml", tmp_path, environ))
    flockwise(environ, "load", str(path), "--config", config)
    with gzip.open(path, "rt") as file:
        events = [
            Event(
                user=row["user_id"],
                time=micros(datetime.fromisoformat(row["event_time"].removesuffix(" UTC"))),
                type=row["event_type"],
                session=row["user_session"],
                properties={
                    "price": float(row["price"]) if row["price"] else None,
                    **{name: row[name] or None for name in ("brand", "category_id")},
                    "category_code": row["category_code"] or None,
                },
            )
            for row in csv.DictReader(file)
        ]
    check_run(tmp_path, "rees46", events, environ, store)


@pytest.mark.soak
def test_taobao(tmp_path: Path, environ: dict[str, str], store: CassandraStore) -> None:
    path = data("taobao_1day_110k.csv.gz")
    config = str(copy_of("taobao.yaml", tmp_path, environ))
    columns = ",".join(TAOBAO_COLUMNS)
    flockwise(environ, "load", str(path), "--config", config, "--columns", columns)
    names = {"pv": "view", "fav": "favourite", "buy": "purchase"}
    with gzip.open(path, "rt") as file:
        events = [
            Event(
                user=row["user_id"],
                time=int(row["at"]) * SECOND,
                type=names.get(row["behaviour"], row["behaviour"]),
                properties={"item_id": row["item_id"], "category_id": row["category_id"]},
            )
            for row in csv.DictReader(file, TAOBAO_COLUMNS)
        ]
    check_run(tmp_path, "taobao", events, environ, store)


def micros(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp()) * SECOND
