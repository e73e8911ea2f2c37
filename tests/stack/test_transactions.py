"""Records and offsets of a transaction are there together, or neither is."""

from __future__ import annotations

from contextlib import suppress

import pytest

from flink_job.deadletters.offsets import GroupBook
from flink_job.deadletters.positions import ReplayPosition
from flink_job.kafka_client import client as kafka_client
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.transactions import Transactions
from operators.base.errors import FlockwiseError
from tests.stack.asking import new_name, pairs, write

pytestmark = pytest.mark.stack

PLACES = {"0": ReplayPosition(4, {"late": 9, "bad_time": 7}), "1": ReplayPosition(2)}


class _BrokeError(Exception):
    """An end in the middle of a transaction."""


@pytest.fixture
def topic(kafka: str) -> str:
    """A topic that holds one record."""
    name = new_name("events")
    write(kafka, name, [(b"a", b"before")])
    return name


def test_both_are_there(kafka: str, topic: str) -> None:
    book = GroupBook(Broker(kafka), topic, topic)
    with (
        kafka_client.producer(Broker(kafka), transactional_id=topic) as writer,
        Transactions(writer, topic).one(book.offsets(PLACES)),
    ):
        writer.send(topic, b"1", b"a")
    assert pairs(kafka, topic) == [(b"a", b"before"), (b"a", b"1")]
    assert book.read() == PLACES


def test_neither_is_there(kafka: str, topic: str) -> None:
    book = GroupBook(Broker(kafka), topic, topic)
    with kafka_client.producer(Broker(kafka), transactional_id=topic) as writer:
        transactions = Transactions(writer, topic)
        with suppress(_BrokeError), transactions.one(book.offsets(PLACES)):
            writer.send(topic, b"1", b"a")
            writer.flush()
            raise _BrokeError
        assert pairs(kafka, topic) == [(b"a", b"before")]
        assert book.read() == {}
        with transactions.one({}):
            writer.send(topic, b"2", b"a")
    assert pairs(kafka, topic) == [(b"a", b"before"), (b"a", b"2")]


def test_whoever_begins_later_shuts_out_what_is_open(kafka: str, topic: str) -> None:
    book = GroupBook(Broker(kafka), topic, topic)
    with (
        kafka_client.producer(Broker(kafka), transactional_id=topic) as first,
        kafka_client.producer(Broker(kafka), transactional_id=topic) as second,
    ):
        begun = Transactions(first, topic).one(book.offsets(PLACES))
        begun.__enter__()
        first.send(topic, b"1", b"a")
        first.flush()
        Transactions(second, topic)
        with pytest.raises(FlockwiseError, match="another"):
            begun.__exit__(None, None, None)
    assert pairs(kafka, topic) == [(b"a", b"before")]
    assert book.read() == {}


def test_places_written_by_themselves(kafka: str, topic: str) -> None:
    book = GroupBook(Broker(kafka), topic, topic)
    book.write(PLACES)
    book.write({"1": ReplayPosition(3, {"late": 5})})
    assert book.read() == {**PLACES, "1": ReplayPosition(3, {"late": 5})}


def test_offsets_that_somebody_else_has_set_are_taken(kafka: str, topic: str) -> None:
    book = GroupBook(Broker(kafka), topic, topic)
    offsets = {at: offset._replace(metadata="mine") for at, offset in book.offsets(PLACES).items()}
    with kafka_client.consumer(Broker(kafka), group_id=topic) as committer:
        committer.commit(offsets)
    assert book.read() == {"0": ReplayPosition(4), "1": ReplayPosition(2)}
