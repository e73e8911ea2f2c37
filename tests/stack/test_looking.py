"""What is looked at before a load or a run, and how a run of dead letters alone ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stack.asking import here, kafka_config, new_name, write, write_config

GOOD = b'{"user_id": "ann", "event_time": "2026-01-01T00:00:00Z", "event_type": "view"}'
OTHER = GOOD.replace(b"user_id", b"userId").replace(b"view", b"View")


@pytest.mark.stack
def test_a_topic_is_inspected(kafka: str, tmp_path: Path) -> None:
    made, topic = kafka_config(kafka), new_name("events")
    write(kafka, topic, [(b"ann", OTHER), (b"ann", None)])
    done = here("inspect", write_config(tmp_path, made), topic, "--json")
    assert done.returncode == 0, done.stderr  # it never ends: tomorrow there may be others
    told = json.loads(done.stdout)
    assert (told["records"], told["usable"], told["refused"]) == (2, 0, [])
    assert told["doubts"] == [
        "events.user: none of 1 events has a field 'user_id', did you mean 'userId'?"
    ]
    write(kafka, topic, [(b"ann", GOOD)])
    done = here("inspect", write_config(tmp_path, made), topic)
    assert done.returncode == 0
    assert "3 records: 1 can be used" in done.stdout


@pytest.mark.stack
def test_files_that_cannot_be_meant_are_not_loaded(kafka: str, tmp_path: Path) -> None:
    made, file = kafka_config(kafka), tmp_path / "events.jsonl"
    made["source"]["kafka"]["topic"] = topic = new_name("events")
    file.write_bytes(OTHER)
    done = here("load", str(file), "--config", str(write_config(tmp_path, made)))
    assert done.returncode == 2
    assert "none of 1 events has a field 'user_id', did you mean 'userId'?" in done.stderr
    file.write_bytes(GOOD.replace(b"view", b"View") + b"\n" + GOOD.replace(b"2026", b"2025"))
    done = here("load", str(file), "--config", str(write_config(tmp_path, made)))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("not in the order of time: 1 of 2") == 2
    assert topic in done.stderr


@pytest.mark.flink
@pytest.mark.stack
def test_a_run_of_dead_letters_alone_fails(tmp_path: Path) -> None:
    config = {
        **kafka_config("unused"),
        "source": {"files": {"paths": ["events.jsonl"]}},
        "output": {"folder": "out"},
        "run": {"state": "state"},
    }
    (tmp_path / "events.jsonl").write_bytes(GOOD.replace(b'"ann"', b"null"))
    done = here("run", write_config(tmp_path, config))
    assert done.returncode == 1
    assert "every one of 1 records became a dead letter" in done.stderr
    doubt = "1 of 1 records can't be used: missing_user (the user is missing, null or empty)"
    assert done.stderr.count(doubt) == 2
    assert '"missing_user"' in "".join(x.read_text() for x in (tmp_path / "out").rglob("part*"))
    again = here("run", write_config(tmp_path, config), "--resume")
    assert again.returncode == 1
