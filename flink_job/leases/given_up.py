"""Saying for a job on a cluster that it has ended: whoever stops it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from kafka.errors import KafkaError

from flink_job.leases.registry import registry
from flink_job.plan import Plan
from operators.base.errors import FlockwiseError
from operators.base.moments import iso_at, now_us
from operators.contracts.leases import Heartbeat


@contextmanager
def given_up(plan: Plan, cluster: str) -> Iterator[None]:
    """Note, once what is within has been done, that the job of a plan on a cluster has ended.

    Its successor then need not wait for a silence, as it does where Kafka does not answer now. It
    is the lease of before that is given up, not one that another start may take meanwhile.
    """
    broker = plan.kafka.output_broker()
    with ExitStack() as held:
        topic, tokens = None, list[str]()
        with suppress(FlockwiseError, KafkaError):
            if broker is not None:
                topic = held.enter_context(registry(broker, plan.kafka.topics().leases))
                holders = topic.holders.in_the_way(plan.config.name, ())
                tokens = [each.lease.token for each in holders if each.lease.cluster == cluster]
        yield
        with suppress(FlockwiseError, KafkaError):
            for token in tokens:
                assert topic is not None  # they are from there
                topic.write(Heartbeat(token, iso_at(now_us()), ended=True))
