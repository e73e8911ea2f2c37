"""`flockwise verify` over real topics and stores: what is healthy passes, planted faults are found.

One bounded run is made, and what it said is written again, into topics and stores of a test's own:
as it was, or as jobs that were started twice leave it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from kafka import TopicPartition
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.cli.run import plan_of
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.client import admin
from flink_job.stack import CassandraAccess
from flink_job.stores.audiences import audiences
from flink_job.stores.cassandra_schema import create_schema
from flink_job.stores.cassandra_session import Login, Node, close, connect
from operators.base.errors import FlockwiseError
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    change,
    encode,
    transition_decoder,
)
from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers
from tests.property.replay_cases import CHOSEN, INTRICATE
from tests.stack.asking import flockwise, kafka_config, new_name, pairs, write, write_config

pytestmark = [pytest.mark.stack, pytest.mark.flink]

CLUSTERS: Final = {"all": {"k": 2, "features": ["spend_1h", "visits"], "warm_start": 20}}
SQLITE: Final = {"kind": "sqlite", "path": "store.db"}
LATER_US: Final = 3_600_000_000  # from a job to the one that is started after it


@dataclass(frozen=True)
class Word:
    """A record as it lies in a topic; None is a tombstone, which comes with what was before it."""

    user: str
    version: int
    record: Assignment | Transition | None

    def later(self, user: str) -> Word:
        """The same, said by a job that was started later."""
        version, record = self.version + LATER_US, self.record
        if record is not None:
            record = msgspec.structs.replace(record, user=user, version=version)
        return Word(user, version, record)


@dataclass(frozen=True)
class Told:
    """What jobs have said, in the order of each partition."""

    transitions: list[Word]
    assignments: list[Word]

    def __add__(self, other: Told) -> Told:
        return Told(self.transitions + other.transitions, self.assignments + other.assignments)

    def later(self, named: Callable[[str], str] = str) -> Told:
        """The same, said by a job that was started later."""
        parts = (self.transitions, self.assignments)
        return Told(*([word.later(named(word.user)) for word in words] for words in parts))

    def some(self, wanted: Callable[[Word], bool]) -> Told:
        """A part of it."""
        return Told(list(filter(wanted, self.transitions)), list(filter(wanted, self.assignments)))

    def half(self) -> Told:
        """Of each user what came first."""
        versions = sorted(word.version for word in self.transitions)
        return self.some(lambda word: word.version <= versions[len(versions) // 2])

    def newest(self) -> dict[str, Assignment]:
        """The assignments of those who are not forgotten, as they are now."""
        found: dict[str, Assignment] = {}
        for word in self.assignments:
            if isinstance(word.record, Assignment) and not word.record.forgotten:
                found[word.user] = word.record
            else:
                found.pop(word.user, None)
        return found

    def entered_twice(self) -> int:
        """How many enter what they are in already."""
        inside, count = set[tuple[str, str]](), 0
        for word in sorted(self.transitions, key=lambda word: word.version):
            assert isinstance(word.record, Transition)
            place = (word.user, word.record.segment)
            if word.record.kind == "leave":
                inside.discard(place)
            else:
                count += place in inside
                inside.add(place)
        return count


@pytest.fixture(scope="module")
def told(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What a bounded run has said of shoppers, of whom some are forgotten."""
    folder = tmp_path_factory.mktemp("run")
    early = (replace(each, user=f"early-{each.user}") for each in shoppers(8, 15, 60, back_s=0))
    events = sorted([*early, *shoppers(7, 40, 1_200, back_s=0)], key=lambda each: each.time)
    write_events(folder / "events.jsonl", events)
    config = config_of(CHOSEN, INTRICATE, clusters=CLUSTERS, output=kafka_config(kafka)["output"])
    config["run"] = {"state": "state", "lanes": 4, "forget_after": "1h"}
    run_job(folder, config)
    topics = config["output"]["kafka"]
    found = Told(
        list(words(pairs(kafka, topics["transitions"]), transition_decoder)),
        list(words(pairs(kafka, topics["assignments"]), assignment_decoder)),
    )
    assert any(word.record is None for word in found.assignments)
    assert len(found.newest()) > 20
    path = write_config(folder, {**config, "name": new_name("verified")})
    assert verified(path)["faults"] == []  # the run itself, where it wrote
    return found


def words(
    records: Iterable[tuple[bytes | None, bytes | None]],
    decoder: msgspec.json.Decoder[Any],
) -> Iterator[Word]:
    versions: dict[str, int] = {}
    for key, value in records:
        user = (key or b"").decode()
        record = None if value is None else decoder.decode(value)
        versions[user] = versions[user] if record is None else record.version
        yield Word(user, versions[user], record)


def in_kafka(kafka: str, folder: Path, said: Told, **more: Any) -> Path:
    """A configuration whose topics say this."""
    config = kafka_config(kafka, **more)
    topics = config["output"]["kafka"]
    for topic, part in (("transitions", said.transitions), ("assignments", said.assignments)):
        records = [(word.user.encode(), word.record and encode(word.record)) for word in part]
        write(kafka, topics[topic], records)
    return write_config(folder, config)


def in_a_folder(folder: Path, said: Told, **more: Any) -> Path:
    """A configuration whose output folder says this, a file a hundred records."""
    for topic, part in (("transitions", said.transitions), ("assignments", said.assignments)):
        (folder / "changelog" / topic).mkdir(parents=True)
        lines = [encode(word.record) + b"\n" for word in part if word.record is not None]
        for start in range(0, len(lines), 100):
            path = folder / "changelog" / topic / f"part-{start // 100}"
            path.write_bytes(b"".join(lines[start : start + 100]))
    files = {"source": {"files": {"paths": ["events.csv"]}}, "output": {"folder": "changelog"}}
    return write_config(folder, {**kafka_config("unused"), **files, **more})


def store(config: Path, said: Told) -> None:
    """Let the store of a configuration take what was said."""
    open_store = plan_of(config).store()
    assert open_store is not None
    records = [word.record for word in said.assignments]
    changes = [change(each) for each in records if isinstance(each, Assignment)]
    moved = [each for word in said.transitions if isinstance(each := word.record, Transition)]
    with closing(open_store()) as opened:
        opened.apply(changes, moved)


def verified(config: Path) -> dict[str, Any]:
    """What the command says for a program."""
    result = CliRunner().invoke(app, ["verify", str(config), "--json"])
    assert result.stdout, (result.stderr, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if found["faults"] else 0)
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    """The faults by kind."""
    return {fault["kind"]: fault["count"] for fault in found["faults"]}


@pytest.fixture(scope="module")
def keyspace(
    cassandra: CassandraAccess, node_as: Callable[[Login], Node]
) -> Iterator[dict[str, Any]]:
    """The `store:` of a keyspace of one's own in the shared node."""
    name = new_name("verified").replace("-", "_")
    session = connect(node_as(cassandra.admin()), cassandra.keyspace)
    session.execute(
        f"CREATE KEYSPACE {name} "
        "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    create_schema(session, name)
    for permission in ("SELECT", "MODIFY"):
        session.execute(f"GRANT {permission} ON KEYSPACE {name} TO {cassandra.user}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERIFIED_PASSWORD", cassandra.login().password)
        yield {
            **{"kind": "cassandra", "hosts": [cassandra.host], "port": cassandra.port},
            **{"user": cassandra.user, "password": "${VERIFIED_PASSWORD}", "keyspace": name},
        }
    session.execute(f"DROP KEYSPACE {name}")
    close(session)


@pytest.mark.parametrize("kind", ["cassandra", "sqlite"])
def test_two_jobs_in_one_store_are_found(
    kafka: str, told: Told, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spec = SQLITE if kind == "sqlite" else request.getfixturevalue("keyspace")
    config = in_kafka(kafka, tmp_path, told, store=spec)
    store(config, Told([], []))
    empty = verified(config)
    assert (empty["faults"], empty["store_rows"]) == ([], 0)
    assert empty["behind"] > 0
    store(config, told)
    newest = told.newest()
    moved = [word for word in told.transitions if word.user in newest]
    members = sum(len(audiences(now)) for now in newest.values())
    healthy = verified(config)
    assert (healthy["faults"], healthy["behind"], healthy["not_judged"]) == ([], 0, {})
    assert healthy["store_rows"] == len(newest) + members + len(moved)
    assert healthy["records"] == len(told.transitions) + len(told.assignments)

    theirs = told.later(lambda user: user if user.endswith(("1", "2", "3")) else f"other-{user}")
    store(config, theirs)
    found = counts(verified(config))
    both = theirs.newest().keys() & newest.keys()
    assert both
    assert found["store_assignment_differs"] == len(both)
    assert found["store_user_unknown"] == len(theirs.newest()) - len(both)
    assert found["store_member_unknown"] >= sum(
        len(audiences(now)) for user, now in theirs.newest().items() if user not in both
    )
    assert found["store_transition_unknown"] > 0
    assert set(found) <= {
        *("store_assignment_differs", "store_user_unknown", "store_member_unknown"),
        *("store_member_missing", "store_member_differs", "store_transition_unknown"),
        *("store_transition_missing", "store_forgotten_left"),
    }


def test_the_same_job_twice_in_the_same_topics_is_found(
    kafka: str, told: Told, tmp_path: Path
) -> None:
    """The second has come half the way: what it left is not what it entered."""
    both = told + told.later().half()
    config = in_kafka(kafka, tmp_path, both, store=SQLITE)
    store(config, told)
    found = verified(config)
    kinds = counts(found)
    assert kinds["entered_twice"] == both.entered_twice() > 0
    assert kinds["entered_not_assigned"] > 0
    (twice,) = [fault for fault in found["faults"] if fault["kind"] == "entered_twice"]
    assert all(example.keys() == {"user", "segment", "version"} for example in twice["examples"])
    assert 1 <= len(twice["examples"]) <= 5

    shown = flockwise("verify", config)
    assert shown.returncode == 1
    assert f"{both.entered_twice():,} `enter` records are of users who were in already: user " in (
        shown.stdout
    )
    assert len(shown.stdout.splitlines()) == len(kinds)
    assert f"✗ {sum(kinds.values()):,} faults: " in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_job_that_began_anew_over_an_earlier_changelog_is_found(
    kafka: str, told: Told, tmp_path: Path
) -> None:
    both = told + told.later()
    config = in_kafka(kafka, tmp_path, both)
    assert counts(verified(config)) == {"entered_twice": both.entered_twice()}


def test_what_an_earlier_run_left_in_the_store_is_found(told: Told, tmp_path: Path) -> None:
    """Its output is gone; of the users of the second there are fewer."""
    anew = told.later().some(lambda word: not word.user.endswith("7"))
    config = in_a_folder(tmp_path, anew, store=SQLITE)
    store(config, told)
    store(config, anew)
    stale = told.newest().keys() - anew.newest().keys()
    assert stale
    found = counts(verified(config))
    assert found.pop("store_user_unknown") == len(stale)
    assert found.pop("store_member_unknown") == sum(
        len(audiences(now)) for user, now in told.newest().items() if user in stale
    )
    gone = {word.user for word in anew.assignments} - anew.newest().keys()
    old = Counter(word.user for word in told.transitions if word.user not in gone)
    old.subtract(word.user for word in told.transitions if word.user not in told.newest())
    assert found.pop("store_transition_unknown") == sum(n for n in old.values() if n > 0)
    assert found == {}


def test_an_output_folder_that_is_healthy_passes(told: Told, tmp_path: Path) -> None:
    config = in_a_folder(tmp_path, told)
    shown = flockwise("verify", config)
    assert (shown.returncode, shown.stdout) == (0, "")
    segments = {w.record.segment for w in told.transitions if isinstance(w.record, Transition)}
    assert f"{len(segments)} segments, no store" in shown.stderr
    assert shown.stderr.startswith("✓ all agrees: ")


def test_a_store_that_is_behind_is_no_fault(kafka: str, told: Told, tmp_path: Path) -> None:
    config = in_kafka(kafka, tmp_path, told, store=SQLITE)
    taken = (part[: len(part) // 2] for part in (told.transitions, told.assignments))
    store(config, Told(*taken))
    shown = CliRunner().invoke(app, ["verify", str(config)])
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "✓" not in shown.stderr
    behind = verified(config)["behind"]
    assert behind > 0
    assert f"! the store is {behind:,} records behind" in shown.stderr


def test_what_is_older_than_the_topic_is_not_judged(kafka: str, told: Told, tmp_path: Path) -> None:
    config = in_kafka(kafka, tmp_path, told, store=SQLITE)
    store(config, told)
    topic = plan_of(config).kafka.topics().transitions
    with admin(Broker(kafka)) as client:
        client.delete_records({TopicPartition(topic, number): 100 for number in range(2)})
    found = verified(config)
    assert found["faults"] == []
    assert len(found["not_judged"]) == 2
    shown = CliRunner().invoke(app, ["verify", str(config)])
    assert "✓" not in shown.stderr
    assert "! what could be judged agrees: " in shown.stderr


def test_what_is_not_there_is_a_line(kafka: str, tmp_path: Path) -> None:
    nothing = kafka_config(kafka)
    result = CliRunner().invoke(app, ["verify", str(write_config(tmp_path, nothing))])
    assert isinstance(result.exception, FlockwiseError)
    assert result.exception.exit_code == 1
    assert "has no topic" in str(result.exception)
    wrong = write_config(tmp_path, {**nothing, "features": {"views": {"cout": "view"}}})
    assert CliRunner().invoke(app, ["verify", str(wrong)]).exception.exit_code == 2  # type: ignore[union-attr]
