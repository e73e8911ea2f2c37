"""`flockwise status` and `stop` of a run on this machine, over the real Kafka."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from flink_job.cli import app
from flink_job.cli.run import plan_of
from flink_job.deadletters.offsets import GroupBook
from flink_job.deadletters.positions import ReplayPosition
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.lags import lag
from flink_job.queries.outcomes import published_outcomes
from flink_job.runtime.process_identity import ProcessIdentity
from flink_job.runtime.run_folder import RunFolder
from operators.base.errors import FlockwiseError
from operators.contracts.outcomes import DayOutcomes
from tests.patience import PATIENCE_S
from tests.stack.asking import new_name, write
from tests.stack.live import SQLITE, LiveShop, at_work, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

RUNNER = CliRunner()
MORE: dict[str, Any] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "buys": {"count": "View", "window": "lifetime"},
        "spend": {"sum": "price", "of": "view", "window": "lifetime"},
    },
    "segments": {"Ever": {"when": "views >= 1"}},
    "outcomes": {"viewed": {"event": "view"}, "bought": {"event": "Veiw", "value": "price"}},
    "clusters": {"shoppers": {"k": 2, "features": ["views"], "warm_start": 4}},
    "store": SQLITE,
}


def asked(*words: str | Path) -> Result:
    return RUNNER.invoke(app, list(map(str, words)))


def status(shop: LiveShop) -> dict[str, Any]:
    """What `status` says to programs; its exit code agrees."""
    told = asked("status", shop.path, "--json")
    found: dict[str, Any] = json.loads(told.stdout)
    assert told.exit_code == (0 if found["good"] else 1)
    return found


def test_a_run_here_says_how_it_is_and_stops_when_it_is_asked(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLINK_CONF_DIR", raising=False)
    shop = LiveShop(kafka, "operated", tmp_path, MORE)
    before = status(shop)
    assert [job["state"] for job in before["jobs"]] == ["not running"] * 2
    nothing = asked("stop", shop.path)
    assert nothing.exit_code == 1
    assert str(nothing.exception).startswith("nothing of 'operated' runs here, and no cluster was")

    with shop.running() as process:
        until(lambda: at_work(shop), process, "the job to work")
        for number in range(8):
            shop.view(f"user-{number}")
        shop.view("eve", ahead_s=3_600)
        for _ in range(2):
            shop.send("eve", b"garbage")
        until(lambda: status(shop)["good"], process, "both jobs to run")
        until(lambda: as_it_is(shop, process), process, "all to be read and stored")
        until(lambda: measured(shop) == ONCE, process, "all to be measured")
        told = asked("status", shop.path)
        assert told.exit_code == 0
        check_told(told.stdout, process)

        stopped = asked("stop", shop.path)
        assert stopped.exit_code == 0, stopped.exception
        assert process.wait(PATIENCE_S) == 0
    assert "stopped; --resume goes on from here" in (tmp_path / "said").read_text()
    (savepoint,) = (tmp_path / "state" / "savepoints").iterdir()
    assert f"to go on:  flockwise run --resume {shop.path}" in stopped.output
    assert savepoint.as_uri() in stopped.output
    after = status(shop)
    assert [job["state"] for job in after["jobs"]] == ["not running"] * 2
    assert after["jobs"][0]["kept"]["path"] == str(savepoint)
    assert (after["events"], after["changelog"]) == (0, 0)
    assert asked("stop", shop.path).exit_code == 1


def as_it_is(shop: LiveShop, process: subprocess.Popen[str]) -> bool:
    """Whether all that was sent is read, judged, learned from, and stored."""
    found = status(shop)
    segment, upsert = found["jobs"]
    assert (segment["job"], upsert["job"]) == ("segment", "upsert")
    assert segment["where"] == upsert["where"] == "here"
    assert segment["pid"] == process.pid != upsert["pid"]
    assert segment["rest"] != upsert["rest"]
    assert found["unknown"] == {}
    letters = {each["reason"]: each["letters"] for each in found["dead_letters"]["reasons"]}
    return (
        (found["events"], found["changelog"]) == (0, 0)
        and letters == {"future": 1, "not_json": 2}
        and found["segments"]["progress"]["lanes_taken"] == 4
        and [model["model"] for model in found["models"]] == ["shoppers"]
        and sorted(never(found["input"])) == ["Veiw", "View", "price", "price"]
        and all(job["flink"]["checkpoints"]["last"] for job in found["jobs"])
    )


# Each of the users, and that of `at_work`, came into both, the cluster by a timer at the latest.
ONCE: Final = {"Ever": 9, "shoppers": 9}


def measured(shop: LiveShop) -> dict[str, int]:
    """How many came into segments and clusters, less those who left, as it is published."""
    try:
        found = published_outcomes(plan_of(shop.path))
    except FlockwiseError:  # nothing is yet
        return {}
    inside = Counter[str]()
    for each in found:
        if isinstance(each, DayOutcomes):
            inside[each.model or each.name] += each.entries - each.exits
    return dict(inside)


def never(found: dict[str, Any]) -> list[str]:
    """What is asked for, and has never come, by type or field."""
    return [each.get("type") or each["field"] for each in found["came"] if "last" not in each]


def check_told(told: str, process: subprocess.Popen[str]) -> None:
    """What a person reads."""
    lines = told.splitlines()
    assert lines[0].startswith("operated segment: running here, since 20")
    assert lines[0].endswith(f"process {process.pid}")
    assert "  lag           0 records not yet read" in lines
    assert "  lag           0 records not yet in the store" in lines
    assert any(line.startswith("segments      version 1, by ") for line in lines)
    assert any(line.startswith("models        shoppers version ") for line in lines)
    assert "dead letters  3" in lines
    for absent in (
        "              features.buys: no event of type 'View' in ",
        "              features.spend: no event of type view with 'price' in ",
        "              outcomes.bought: no event of type 'Veiw' in ",
    ):
        assert any(line.startswith(absent) for line in lines)
    assert ", since it is asked for, did you mean 'view'?" in told
    assert any(line.startswith("              2 not_json, newest ") for line in lines)


def test_without_kafka_the_rest_is_still_said(tmp_path: Path) -> None:
    away = "127.0.0.1:1"
    path = tmp_path / "away.json"
    kafka_part = {"kafka": {"bootstrap": away, "topic": "events"}}
    output = {"kafka": {"bootstrap": away}}
    config = {**MORE, "source": kafka_part, "output": output, "run": {"state": "state"}}
    path.write_text(json.dumps(config))
    with RunFolder(tmp_path / "state").locked():
        told = asked("status", path, "--address", "127.0.0.1:2")
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[0].startswith("flockwise segment: starting here, since ")
    assert lines[0].endswith(f"process {ProcessIdentity.own().pid}")
    why = f"Kafka at {away} can't be used: no answer within 6 s; is it running, is the address"
    assert sum(why in line for line in lines) == 1
    assert "cluster       unknown: Flink at 127.0.0.1:2 does not answer: " in told.stdout
    assert "segments      unknown, as above" in lines
    assert "dead letters  unknown, as above" in lines

    stopped = asked("stop", path, "--address", "127.0.0.1:2")
    assert isinstance(stopped.exception, FlockwiseError)
    assert "127.0.0.1:2 does not answer" in str(stopped.exception)


def test_a_lag_counts_records_and_not_the_ends_of_transactions(kafka: str) -> None:
    broker, topic, group = Broker(kafka), new_name("lag"), new_name("group")
    for number in range(3):
        write(kafka, topic, [(None, f"{number}-{each}".encode()) for each in range(5)])
    write(kafka, topic, [(None, b"given up")] * 5, commit=False)
    assert lag(broker, [topic], group, from_start=True) == 15
    assert lag(broker, [topic], group, from_start=False) is None

    # Flink commits the offset behind its last record: before what ends the transaction.
    records = reading.read_to_end(broker, [topic])
    behind = {str(record.partition): record.offset + 1 for record in records}
    book = GroupBook(broker, topic, group)
    book.write({part: ReplayPosition(at) for part, at in behind.items()})
    assert lag(broker, [topic], group, from_start=False) == 0
    book.write({part: ReplayPosition(at - 1) for part, at in behind.items()})
    assert lag(broker, [topic], group, from_start=False) == len(behind)

    assert whole(reading.read_newest(broker, topic, 1_000)) == (15, True)
    some, all_of_them = whole(reading.read_newest(broker, topic, 6))
    assert 0 < some < 15
    assert not all_of_them


def whole(read: tuple[list[Any], bool]) -> tuple[int, bool]:
    """How many records, and whether these are all."""
    records, all_of_them = read
    return len(records), all_of_them
