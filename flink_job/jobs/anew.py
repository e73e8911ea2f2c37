"""Beginning anew where an earlier changelog is: its members are ended first, and told why.

Every member leaves, and every user is forgotten by the changelog, so that `enter` and `leave`
alternate for whoever follows the topics, and a store drops what it knew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from flink_job.jobs.anew_outcomes import last_records
from flink_job.kafka_client import client as kafka
from flink_job.kafka_client import reading
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.topics import Topics
from flink_job.kafka_client.transactions import Transactions
from flink_job.plan import Plan
from operators.base.errors import UsageError
from operators.base.moments import iso_at, now_us
from operators.contracts.records import BEGAN_ANEW, Assignment, Transition, encode

_USERS_A_TRANSACTION: Final = 2_000

OnCount = Callable[[int], None]


def check_nothing_left(plan: Plan, told: OnCount) -> None:
    """Make sure that a job that begins finds nobody in its changelog, nor in its store.

    Raises:
        UsageError: an earlier start has left somebody.
        PreflightError: Kafka does not answer.
        StoreError: the store does not.
    """
    _check_changelog(plan, told)
    open_store = plan.store()
    if open_store is None:
        return
    with closing(open_store()) as store:
        if next(iter(store.assignments()), None) is not None:
            raise UsageError(
                f"'{plan.config.name}' would begin anew, but the store has users of an earlier "
                "start, who are not in the changelog: --fresh empties it"
            )


def _check_changelog(plan: Plan, told: OnCount) -> None:
    folder = plan.paths.output_folder()
    if folder is not None:
        if any(not path.name.startswith(".") for path in _files(plan)):
            raise UsageError(
                f"{folder}: it has what an earlier run put out: --fresh deletes it and begins anew"
            )
        _delete_files(plan)  # that were never committed
        return
    left = len(_left(plan, told))
    if left:
        topic = plan.kafka.topics().assignments
        raise UsageError(
            f"'{plan.config.name}' would begin anew, but topic '{topic}' has {left:,} users of an "
            "earlier start: go on from its state, or end their memberships first with --fresh"
        )


def clear(plan: Plan, told: OnCount, may_go_on: Callable[[], None] = lambda: None) -> None:
    """End all that an earlier start has put out: of folders and the store, all is deleted.

    In Kafka memberships are ended by records of their own, in transactions of some thousand
    users, and what was told of outcomes in a last one: whoever repeats it after a crash ends the
    rest. The earlier start must have been shut out. `told` counts records that are read, then
    users. It takes about 500 bytes a user. `may_go_on` is asked before each step, and raises if
    another start has taken over.

    Raises:
        PreflightError: Kafka does not answer, or does not let us.
        FlockwiseError: a transaction failed; the store can't be emptied.
    """
    _delete_files(plan)
    broker = plan.kafka.output_broker()
    if broker is not None:
        _end_members(plan, broker, told, may_go_on)
    may_go_on()
    open_store = plan.store()
    if open_store is not None:
        with closing(open_store()) as store:
            store.empty()


def _files(plan: Plan) -> Iterator[Path]:
    folder = plan.paths.output_folder()
    if folder is None:
        return
    for topic in plan.kafka.topics().records():
        yield from (path for path in (folder / topic).rglob("*") if path.is_file())


def _delete_files(plan: Plan) -> None:
    for path in _files(plan):
        path.unlink(missing_ok=True)


def _end_members(plan: Plan, broker: Broker, told: OnCount, may_go_on: Callable[[], None]) -> None:
    left, topics = list(_left(plan, told).values()), plan.kafka.topics()
    worth = last_records(broker, topics.outcomes) if topics.outcomes else []
    if not left and not worth:
        return
    _check_clock(left)
    identity = f"{plan.kafka.transactional_prefix(None)}-anew"
    may_go_on()
    with kafka.producer(broker, transactional_id=identity) as writer:
        transactions = Transactions(writer, identity)
        for begin in range(0, len(left), _USERS_A_TRANSACTION):
            may_go_on()
            users = left[begin : begin + _USERS_A_TRANSACTION]
            with transactions.one({}):
                for user in users:
                    for topic, value in _farewell(user, topics):
                        writer.send(topic, key=user.user.encode(), value=value)
            told(len(users))
        if worth:
            may_go_on()
            with transactions.one({}):
                for key, last in worth:
                    writer.send(topics.outcomes, key=key, value=last)


def _check_clock(left: Sequence[_Left]) -> None:
    """Make sure that what this machine's clock says next is newer than all that is there."""
    newest_us = max((user.version for user in left), default=0)
    behind_us = newest_us - now_us()
    if behind_us > 0:
        raise UsageError(
            f"the clock of this machine is {behind_us / 1e6:,.1f} s behind that of the earlier "
            "start: a store would take what comes for older than what it has; set it right"
        )


class _Left(msgspec.Struct, frozen=True):
    """Of a user's assignment what is needed to end it."""

    user: str
    version: int
    segments: tuple[str, ...] = ()
    rules: int = 0
    forgotten: bool = False


_decode: Final = msgspec.json.Decoder(_Left).decode


def _left(plan: Plan, told: OnCount) -> dict[bytes, _Left]:
    """The users whom the changelog has, by their keys."""
    broker = plan.kafka.output_broker()
    left: dict[bytes, _Left] = {}
    if broker is None:
        return left
    for record in reading.read_to_end(broker, [plan.kafka.topics().assignments]):
        told(1)
        try:
            found = None if record.value is None else _decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # it is none of ours
        if found is None or found.forgotten:
            left.pop(record.key, None)
        else:
            left[record.key] = found
    return left


def _farewell(left: _Left, topics: Topics) -> Iterator[tuple[str, bytes | None]]:
    """A user's last records, each with its topic: as when users are forgotten."""
    at, version = iso_at(now_us()), left.version + 1
    for segment in left.segments:
        transition = Transition(left.user, segment, "leave", at, version, [BEGAN_ANEW], left.rules)
        yield topics.transitions, encode(transition)
    last = Assignment(left.user, version, at, [], rules=left.rules, forgotten=True)
    yield topics.assignments, encode(last)
    yield topics.assignments, None
