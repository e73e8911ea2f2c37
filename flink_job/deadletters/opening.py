"""From a plan to its dead letters, and to replaying them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flink_job.deadletters.offsets import Book, FileBook, GroupBook, ReplayPositions
from flink_job.deadletters.reading import FolderLetters, KafkaLetters, Letter, Letters
from flink_job.deadletters.replaying import LetterFilter, Replay, Target
from flink_job.deadletters.targets import KafkaTarget, file_target, into_file, into_kafka
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.transactions import Transactions
from flink_job.loading.keys_and_times import KeysAndTimes
from flink_job.loading.outbox import Outbox
from flink_job.plan import Plan
from flink_job.runtime.run_folder import RunFolder
from operators.base.errors import UsageError
from operators.events.reasons import Reason

# Whose key is not their user: with the same key they would fail again.
_OF_THE_KEY: Final = frozenset({Reason.NULL_KEY.value, Reason.KEY_MISMATCH.value})


# Of the roster, which are no events, unless they are asked for and written down.
_OF_THE_ROSTER: Final = frozenset({Reason.BAD_ROSTER.value})


@dataclass(frozen=True)
class Order:
    """What to replay: the letters of one reason or all, with new keys, only to see, to a file."""

    reason: str | None = None
    rekey: bool = False
    dry_run: bool = False
    to: Path | None = None


def letters_of(plan: Plan) -> Letters:
    """The dead letters of a plan.

    Raises:
        UsageError: an environment variable is not set.
    """
    broker, topic = plan.kafka.output_broker(), plan.kafka.topics().dead_letters
    if broker is not None:
        return KafkaLetters(broker, topic)
    return FolderLetters(_output_folder(plan), topic)


def book_of(plan: Plan) -> Book:
    """Where the places of a plan's letters are kept.

    Raises:
        UsageError: an environment variable is not set.
    """
    broker = plan.kafka.output_broker()
    if broker is None:
        return FileBook(_folder(plan).path / "places.json")
    return GroupBook(broker, plan.kafka.topics().dead_letters, _group(plan))


def replay(plan: Plan, order: Order, letters: Iterable[Letter]) -> Replay:
    """Replay letters of a plan, each once: into the topic of its events, or into a file.

    Raises:
        UsageError: there is no topic and no file was given, or the file is there already, or
            another replay is at work.
        PreflightError: Kafka does not answer, or the letters can't be read.
        FlockwiseError: Kafka did not take letters.
    """
    events, source = plan.kafka.input_broker(), plan.config.source.kafka
    with _folder(plan).locked():
        if order.to is not None:
            return _into_file(plan, order, order.to, letters)
        if events is None or source is None:
            raise UsageError("expected --to FILE: this configuration's events come from files")
        return _into_kafka(plan, order, _Topic(events, source.topic), letters)


@dataclass(frozen=True)
class _Topic:
    broker: Broker
    name: str


def _into_file(plan: Plan, order: Order, to: Path, letters: Iterable[Letter]) -> Replay:
    book = book_of(plan)
    held = _OF_THE_ROSTER - {order.reason or ""}
    replayed = Replay(book.read(), LetterFilter(order.reason, held), into_file)
    with _Nowhere() if order.dry_run else file_target(to, book) as target:
        replayed.run(letters, target)
    return replayed


def _into_kafka(plan: Plan, order: Order, topic: _Topic, letters: Iterable[Letter]) -> Replay:
    reader = KeysAndTimes(plan.config.events) if order.rekey else None
    by_key = plan.config.events.key == "user" and not order.rekey
    held = _OF_THE_ROSTER | (_OF_THE_KEY if by_key else frozenset())
    wanted = LetterFilter(order.reason, held)
    largest = kafka.largest_message(topic.broker, topic.name)
    book = book_of(plan)
    with _Nowhere() if order.dry_run else _kafka_target(plan, topic, largest, reader) as target:
        # Read only now: what an earlier replay left open has been ended.
        replayed = Replay(book.read(), wanted, into_kafka(largest, reader))
        replayed.run(letters, target)
    return replayed


@contextmanager
def _kafka_target(
    plan: Plan, topic: _Topic, largest: int, reader: KeysAndTimes | None
) -> Iterator[KafkaTarget]:
    group, book = _group(plan), book_of(plan)
    options = {"transactional_id": group, "max_request_size": largest}
    with kafka.producer(topic.broker, **options) as writer:
        transactions, outbox = Transactions(writer, group), Outbox(writer, topic.name)
        one_kafka = plan.kafka.output_broker() == topic.broker
        yield KafkaTarget(outbox, transactions, book, reader, one_kafka=one_kafka)


class _Nowhere:
    """Takes letters and places, and forgets them: only to see what would be replayed."""

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def deliver(self, letters: list[Letter], places: ReplayPositions) -> None:
        return None


def _group(plan: Plan) -> str:
    return f"flockwise-{plan.config.name}-replay"


def _folder(plan: Plan) -> RunFolder:
    return RunFolder(plan.folder.path / "replay")


def _output_folder(plan: Plan) -> Path:
    folder = plan.paths.output_folder()
    assert folder is not None  # what does not go to Kafka goes to a folder
    return folder
