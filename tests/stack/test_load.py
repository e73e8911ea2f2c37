"""`flockwise load` puts every record into the topic, keyed by user and in order."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pytest
from kafka.consumer.fetcher import ConsumerRecord
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from flink_job.runtime.running import free_port
from operators.base.errors import UsageError
from operators.events.markers import BAD_ROW
from tests.stack.asking import (
    ROOT,
    command,
    environment,
    flockwise,
    held,
    kafka_config,
    new_name,
    write_config,
)

pytestmark = pytest.mark.stack

DATA = Path(os.environ.get("FLOCKWISE_DATA", ROOT.parent / "shared" / "data"))
REES46 = DATA / "rees46_2019oct_17k.csv.gz"
TAOBAO = DATA / "taobao_1day_110k.csv.gz"

run = CliRunner().invoke


def real(path: Path) -> Path:
    """A file of real events; without it a test says that it did not run."""
    if not path.is_file():
        pytest.skip(f"there is no {path}: set FLOCKWISE_DATA to the folder of the real events")
    return path


def rows(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, str]]:
    """The rows of a compressed CSV file, read by the standard library."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, columns))


def jsonl(path: Path, events: Iterable[object]) -> Path:
    """Write a file of JSON lines; bytes go as they are."""
    lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def by_user(events: Iterable[tuple[str, object]]) -> dict[str, list[object]]:
    """Each user's events in order."""
    found = defaultdict(list)
    for user, event in events:
        found[user].append(event)
    return dict(found)


def in_order(records: Sequence[ConsumerRecord], expected: Sequence[object]) -> None:
    """Assert that a topic holds these events, each partition's in the order of the file."""
    places = defaultdict(list)
    for place, event in enumerate(expected):
        places[json.dumps(event, sort_keys=True)].append(place)
    by_partition: dict[int, int] = {}
    assert len(records) == len(expected)
    for record in records:
        event = json.dumps(json.loads(record.value), sort_keys=True)
        place = places[event].pop(0)
        assert by_partition.get(record.partition, -1) < place
        by_partition[record.partition] = place


def test_real_events_from_a_csv_file_with_a_header(kafka: str) -> None:
    topic = new_name("rees46")
    loaded = flockwise("load", real(REES46), "--topic", topic, "--bootstrap", kafka, "--json")
    assert loaded.returncode == 0, loaded.stderr
    report = json.loads(loaded.stdout)
    assert (report["sent"], report["without_key"], report["too_large"]) == (17_434, 0, 0)
    records, expected = held(kafka, topic), rows(REES46)
    assert by_user((record.key.decode(), json.loads(record.value)) for record in records) == (
        by_user((row["user_id"], row) for row in expected)
    )
    in_order(records, expected)
    assert {record.partition for record in records} == {0, 1, 2, 3}


def some(path: Path, count: int, folder: Path) -> Path:
    """The first lines of a compressed file."""
    with gzip.open(path, "rb") as whole, gzip.open(folder / path.name, "wb") as part:
        part.writelines(islice(whole, count))
    return folder / path.name


def test_real_events_without_a_header(kafka: str, tmp_path: Path) -> None:
    file = some(real(TAOBAO), 20_000, tmp_path)
    topic, columns = new_name("taobao"), ("user", "item", "category", "behaviour", "at")
    options = ["--user", "user", "--columns", ",".join(columns), "--topic", topic]
    loaded = run(app, ["load", str(file), *options, "--bootstrap", kafka])
    assert loaded.exit_code == 0, loaded.output
    assert "20,000 events sent" in loaded.stderr
    assert loaded.stdout == ""
    records, expected = held(kafka, topic), rows(file, columns)
    assert by_user((record.key.decode(), json.loads(record.value)) for record in records) == (
        by_user((row["user"], row) for row in expected)
    )


def test_whose_user_can_t_be_read_goes_without_a_key(kafka: str, tmp_path: Path) -> None:
    events = [
        {"user_id": "ann", "event_time": "never"},
        {"user_id": 7, "event_time": "2026-01-01"},
        {"event_time": "2026-01-01"},
        b"no JSON \xff",
        b"[1]",
        {"user_id": "x" * 513},
    ]
    topic = new_name("events")
    file = jsonl(tmp_path / "events.ndjson", events)
    loaded = run(app, ["load", str(file), "--topic", topic, "--bootstrap", kafka, "--json"])
    assert json.loads(loaded.stdout)["without_key"] == 4
    assert "4 of them without a key" in loaded.stderr
    found = {record.value: record.key for record in held(kafka, topic)}
    raw = file.read_bytes().splitlines()
    assert found == {**dict.fromkeys(raw[2:]), raw[0]: b"ann", raw[1]: b"7"}


def test_a_row_of_other_columns_goes_as_the_job_knows_it(kafka: str, tmp_path: Path) -> None:
    file, topic = tmp_path / "events.csv", new_name("events")
    file.write_text("user_id,event_type\nann,view\nann\n")
    assert run(app, ["load", str(file), "--topic", topic, "--bootstrap", kafka]).exit_code == 0
    found = {record.value: record.key for record in held(kafka, topic)}
    assert found == {b'{"user_id":"ann","event_type":"view"}': b"ann", BAD_ROW + b"ann": None}


def test_files_are_loaded_one_after_the_other(kafka: str, tmp_path: Path) -> None:
    events = [{"user_id": "ann", "n": number} for number in range(2_500)]
    first = jsonl(tmp_path / "b.jsonl", events[:1_200])
    second = tmp_path / "a.json.gz"
    second.write_bytes(gzip.compress(jsonl(tmp_path / "a", events[1_200:]).read_bytes()))
    options = ["--topic", (topic := new_name("events")), "--bootstrap", kafka]
    assert run(app, ["load", str(first), str(second), *options]).exit_code == 0
    assert [json.loads(record.value) for record in held(kafka, topic)] == events


def test_what_the_topic_does_not_take_is_told_and_the_rest_goes(kafka: str, tmp_path: Path) -> None:
    topic = new_name("small")
    kafka_client.make_topic(Broker(kafka), topic, 1, {"max.message.bytes": "2000"})
    events = [
        {"user_id": "a", "n": 0},
        {"user_id": "a", "n": "x" * 2_000},
        {"user_id": "a", "n": 2},
    ]
    file = jsonl(tmp_path / "events.jsonl", events)
    loaded = flockwise("load", file, "--topic", topic, "--bootstrap", kafka, "--json")
    assert loaded.returncode == 1
    assert json.loads(loaded.stdout)["too_large"] == 1
    assert "max.message.bytes" in loaded.stderr
    assert [json.loads(record.value)["n"] for record in held(kafka, topic)] == [0, 2]


def test_many_records_larger_than_a_batch(kafka: str, tmp_path: Path) -> None:
    events = [{"user_id": "a", "n": str(number) * 300_000} for number in range(9)]
    options = ["--topic", (topic := new_name("large")), "--bootstrap", kafka]
    file = jsonl(tmp_path / "events.jsonl", events)
    assert run(app, ["load", str(file), *options]).exit_code == 0
    assert [json.loads(record.value) for record in held(kafka, topic)] == events


def test_ctrl_c_sends_what_it_says_and_no_more(kafka: str, tmp_path: Path) -> None:
    events = [{"user_id": "ann", "n": number} for number in range(100_000)]
    file, topic = jsonl(tmp_path / "events.jsonl", events), new_name("stopped")
    words = command("load", file, "--topic", topic, "--bootstrap", kafka, "--rate", "400")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment()) as loading:
        assert loading.stderr is not None
        assert "events sent" in loading.stderr.readline()  # it is under way
        loading.send_signal(signal.SIGINT)
        told = loading.stderr.read()
    assert loading.returncode == 130
    stopped = re.search(r"stopped: ([\d,]+) events sent", told)
    assert stopped, told
    found = [json.loads(record.value)["n"] for record in held(kafka, topic)]
    assert found == list(range(int(stopped[1].replace(",", ""))))
    assert 0 < len(found) < len(events)


def test_at_a_speed_events_keep_their_order(kafka: str, tmp_path: Path) -> None:
    times = [0, 100, 100, 50, 4_102_444_800, 300]
    events = [{"who": "ann", "at": time, "n": number} for number, time in enumerate(times)]
    options = ["--user", "who", "--time", "at", "--time-unit", "s", "--speed", "1000"]
    options += ["--topic", (topic := new_name("speed")), "--bootstrap", kafka]
    loaded = run(app, ["load", str(jsonl(tmp_path / "e.jsonl", events)), *options])
    assert loaded.exit_code == 0
    assert [json.loads(record.value) for record in held(kafka, topic)] == events


def test_a_configuration_says_where_to_and_how_events_look(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_BOOTSTRAP", kafka)
    config = kafka_config("${TEST_BOOTSTRAP}", events={"user": "who"})
    path = write_config(tmp_path, config)
    viewed = {"who": "ann", "event_time": "2026-01-01T00:00:00Z", "event_type": "view"}
    file = jsonl(tmp_path / "events.jsonl", [viewed])
    loaded = run(app, ["load", str(file), "--config", str(path), "--partitions", "7"])
    assert loaded.exit_code == 0, loaded.output
    topic = config["source"]["kafka"]["topic"]
    assert [record.key for record in held(kafka, topic)] == [b"ann"]
    with kafka_client.consumer(Broker(kafka)) as reader:
        assert reader.partitions_for_topic(topic) == set(range(7))


def test_a_file_that_breaks_off_is_told_after_what_was_sent(kafka: str, tmp_path: Path) -> None:
    whole = gzip.compress(b'{"user_id": "ann"}\n' * 100_000)
    file, topic = tmp_path / "events.jsonl.gz", new_name("broken")
    file.write_bytes(whole[: len(whole) // 2])
    loaded = flockwise("load", file, "--topic", topic, "--bootstrap", kafka)
    assert loaded.returncode == 2
    assert "Traceback" not in loaded.stderr
    sent = re.search(r"([\d,]+) events were sent before this", loaded.stderr)
    assert sent
    assert len(held(kafka, topic)) == int(sent[1].replace(",", ""))


def test_no_kafka_is_a_line(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "events.jsonl", [{"user_id": "ann"}])
    where = f"127.0.0.1:{free_port()}"
    loaded = flockwise("load", file, "--topic", "events", "--bootstrap", where)
    assert loaded.returncode == 1
    assert loaded.stdout == ""
    assert loaded.stderr.count("\n") == 1
    assert where in loaded.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--topic", "events"], "--bootstrap"),
        (["--bootstrap", "127.0.0.1:1"], "--topic"),
        (["--topic", "a b", "--bootstrap", "127.0.0.1:1"], "found 'a b'"),
        (["--topic", "a", "--bootstrap", "x:1", "--rate", "1", "--speed", "1"], "not both"),
        (["missing.csv", "--topic", "a", "--bootstrap", "x:1"], "there is no such file"),
        (["events.txt", "--topic", "a", "--bootstrap", "x:1"], "ending in .csv"),
    ],
)
def test_what_was_typed_wrong_is_a_line(
    options: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path / "events.jsonl", [])
    jsonl(tmp_path / "events.txt", [])
    failed = run(app, ["load", "events.jsonl", *options])
    assert isinstance(failed.exception, UsageError)
    assert expected in str(failed.exception)
