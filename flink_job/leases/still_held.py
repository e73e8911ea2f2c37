"""Whether a job that is restarted still has its lease, asked by the job itself."""

from __future__ import annotations

from dataclasses import dataclass

from flink_job.kafka_client.broker import Broker
from flink_job.leases.registry import registry
from operators.base.errors import JobError
from operators.contracts.leases import Lease


@dataclass(frozen=True)
class StillHeld:
    """Looks whether a lease still holds, where and when it is called."""

    broker: Broker
    topic: str
    lease: Lease

    def __call__(self) -> None:
        """Make sure that no other start has ended it.

        Raises:
            JobError: one has.
            PreflightError: Kafka does not answer.
        """
        with registry(self.broker, self.topic) as topic:
            if topic.holders.of(self.lease.token) is None:
                raise JobError(f"another start of '{self.lease.name}' has ended this one")
