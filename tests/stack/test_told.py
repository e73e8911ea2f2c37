"""What a live run says of how far it is: right totals and lags, also after a failure inside."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from flink_job.kafka_client import client as kafka_
from flink_job.kafka_client import reading
from flink_job.kafka_client.lag import Lag, Reading
from tests.patience import PATIENCE_S
from tests.stack.live import SQLITE, LiveShop, until

pytestmark = [pytest.mark.flink, pytest.mark.stack]

JUDGED: Final = {
    "events": {"time_unit": "ms"},
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {"Once": {"when": "views >= 1"}},
    "store": SQLITE,
}
USERS: Final = [f"user-{number}" for number in range(200)]
LINE: Final = re.compile(
    r"^([\d,]+) events \([\d,]+/s, (\d+) to read\), ([\d,]+) assignments changed, "
    r"([\d,]+) transitions, (\d+) dead letters, (\d+) records to store$"
)
Numbers = tuple[int, ...]


def lines(folder: Path) -> list[Numbers]:
    """Events, those to read, assignments, transitions, dead letters and records to store."""
    told = map(LINE.match, (folder / "said").read_text().splitlines())
    return [tuple(int(text.replace(",", "")) for text in line.groups()) for line in told if line]


def told(folder: Path) -> Numbers:
    found = lines(folder)
    return found[-1] if found else ()


def newest_checkpoint(folder: Path) -> int:
    """The number of the job's newest complete checkpoint."""
    found = (folder / "state" / "checkpoints").glob("*/chk-*/_metadata")
    return max((int(path.parent.name.removeprefix("chk-")) for path in found), default=0)


@contextmanager
def without_checkpoints(folder: Path) -> Iterator[None]:
    """Have no checkpoint succeed, which fails the job."""
    checkpoints, away = folder / "checkpoints", folder / "away"
    checkpoints.rename(away)
    checkpoints.touch()
    try:
        yield
    finally:
        checkpoints.unlink()
        away.rename(checkpoints)


@pytest.mark.long
def test_totals_outlast_a_failure_inside_and_lags_are_none_where_all_is_done(
    kafka: str, tmp_path: Path
) -> None:
    shop = LiveShop(kafka, "told", tmp_path, JUDGED)
    said = tmp_path / "said"
    for user in USERS:
        shop.view(user)
    with shop.running() as process:
        done = (200, 0, 200, 200, 0, 0)
        until(lambda: told(tmp_path) == done, process, "all to be read and stored")
        committed = newest_checkpoint(tmp_path)
        until(lambda: newest_checkpoint(tmp_path) > committed + 1, process, "a commit of it all")

        with without_checkpoints(tmp_path / "state"):
            shop.view("one more")
            until(lambda: "failed and restarted" in said.read_text(), process, "it to fail")
        until(lambda: "at work again" in said.read_text(), process, "it to go on")
        until(lambda: told(tmp_path) == (201, 0, 201, 201, 0, 0), process, "one more")
        shop.view("another")
        until(lambda: told(tmp_path) == (202, 0, 202, 202, 0, 0), process, "another")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    events = [line[0] for line in lines(tmp_path)]
    assert events == sorted(events)
    assert max(events) == 202
    each = said.read_text().splitlines()
    assert all(line != after for line, after in pairwise(each))


def test_what_a_broken_transaction_left_is_nothing_to_read(kafka: str, tmp_path: Path) -> None:
    shop = LiveShop(kafka, "broken-off", tmp_path, JUDGED)
    topic, group = shop.topics.transitions, "told-group"
    lag = Lag(shop.broker, Reading(group, (topic,), earliest=True, ends=1))
    writer = KafkaProducer(bootstrap_servers=kafka, transactional_id="told")
    writer.init_transactions()
    for commit in (True, False):
        writer.begin_transaction()
        for _ in range(3):
            writer.send(topic, b"value", partition=0).get()
        (writer.commit_transaction if commit else writer.abort_transaction)()
    writer.close()
    with kafka_.admin(shop.broker) as client:
        # Offsets: the ends of transactions and what was broken off, too.
        assert [lag.records(client) for _ in range(2)] == [7, 7]
        with kafka_.consumer(shop.broker, group_id=group) as reader:
            *_, last = reading.read_to_end(shop.broker, [topic])
            reader.commit({TopicPartition(topic, 0): OffsetAndMetadata(last.offset + 1, "", -1)})
        assert [lag.records(client) for _ in range(2)] == [4, 0]
        assert Lag(shop.broker, Reading("nobody", (topic,), earliest=False)).records(client) is None
