"""Where results are from before: what may be gone on from, and what may not begin over them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from flink_job.config.load import check
from flink_job.jobs.anew import check_nothing_left
from flink_job.jobs.going_on import check_newest
from flink_job.jobs.preflight import own_store
from flink_job.kafka_client.topics import make_topics
from flink_job.plan import Plan
from operators.base.errors import UsageError
from operators.contracts.records import Assignment, encode
from tests.stack.asking import held, kafka_config, write
from tests.stack.live import SQLITE

pytestmark = pytest.mark.stack

ANN = Assignment("ann", 1, "2026-01-01T00:00:00Z", ["Bots"])


@pytest.fixture
def plan(kafka: str, tmp_path: Path) -> Plan:
    made = Plan(check(kafka_config(kafka, store=SQLITE), "the test"), tmp_path)
    broker = made.kafka.output_broker()
    assert broker is not None
    make_topics(broker, made.kafka.topics(), steered=True)
    own_store(made, take=False)
    return made


def test_a_state_that_the_job_has_gone_on_from_is_refused(kafka: str, plan: Plan) -> None:
    topic = plan.kafka.topics().assignments
    check_newest(plan, "savepoint-1", 0)  # nothing was ever put out
    write(kafka, topic, [(b"ann", encode(ANN))])
    (record,) = held(kafka, topic)
    written_us = record.timestamp * 1_000
    write(kafka, topic, [(b"bob", encode(ANN))], commit=False)
    check_newest(plan, "savepoint-1", written_us)
    with pytest.raises(UsageError, match=r"savepoint-1 is of .* has gone on until .*--resume"):
        check_newest(plan, "savepoint-1", written_us - 60_000_000)


def test_a_job_does_not_begin_over_users_of_its_changelog(kafka: str, plan: Plan) -> None:
    check_nothing_left(plan, lambda _: None)
    write(kafka, plan.kafka.topics().assignments, [(b"ann", encode(ANN))])
    with pytest.raises(UsageError, match="has 1 users of an earlier start"):
        check_nothing_left(plan, lambda _: None)


def test_a_job_does_not_begin_over_rows_whose_changelog_is_gone(plan: Plan) -> None:
    open_store = plan.store()
    assert open_store is not None
    with closing(open_store()) as store:
        store.apply([ANN], [])
    with pytest.raises(UsageError, match="the store has users of an earlier start"):
        check_nothing_left(plan, lambda _: None)
