"""Reading a topic to its end, whatever lies there and whatever happens meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from flink_job import stack
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from operators.base.errors import PreflightError
from tests.stack.asking import new_name, pairs, write
from tests.stack.servers import bootstrap_of

pytestmark = pytest.mark.stack


def test_only_what_was_committed_is_read(kafka: str) -> None:
    topic = new_name("committed")
    write(kafka, topic, [(b"a", b"1"), (b"b", b"2")])
    write(kafka, topic, [(b"a", b"3"), (b"c", b"4")], commit=False)
    write(kafka, topic, [(b"a", b"5"), (b"a", None)])
    write(kafka, topic, [(b"a", b"6"), (b"b", b"7")], commit=False)
    found = pairs(kafka, topic)
    assert [value for key, value in found if key == b"a"] == [b"1", b"5", None]
    assert [value for key, value in found if key != b"a"] == [b"2"]


def test_a_topic_that_is_not_there_is_named(kafka: str) -> None:
    topic = new_name("missing")
    with pytest.raises(PreflightError, match=topic):
        pairs(kafka, topic)
    with pytest.raises(PreflightError, match=topic):
        kafka_client.largest_message(Broker(kafka), topic)


def test_an_empty_topic_ends_at_once(kafka: str) -> None:
    topic = new_name("empty")
    kafka_client.make_topic(Broker(kafka), topic, 3)
    assert pairs(kafka, topic) == []


def test_a_broker_that_goes_away_ends_the_reading(
    own_stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = bootstrap_of(stack.up(own_stack, parts=("kafka",)))
    topic = new_name("large")
    kafka_client.make_topic(Broker(bootstrap), topic, 1)
    with kafka_client.producer(Broker(bootstrap)) as writer:
        for number in range(60):  # more than is fetched ahead
            writer.send(topic, str(number).encode() * 250_000, b"a")
        writer.flush()
    monkeypatch.setattr(reading, "_SILENT_S", 3.0)
    monkeypatch.setattr(kafka_client, "_FETCH_BYTES", 1_024)
    records = reading.read_to_end(Broker(bootstrap), [topic])
    assert next(records).key == b"a"
    stack.down(own_stack)
    with pytest.raises(PreflightError, match=bootstrap):
        list(records)
