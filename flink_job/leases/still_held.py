"""Whether a job that is restarted still has its lease, asked by the job itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from flink_job.kafka_client.broker import Broker
from flink_job.leases.registry import registry
from operators.base.errors import JobError, PreflightError
from operators.contracts.leases import Lease

# Without Kafka a job can't do anything. As long as its producers do it waits for it to be back,
# since a job that fails again and again, soon after each restart, is given up.
_PATIENCE_S: Final = 60.0
_PAUSE_S: Final = 1.0


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
            PreflightError: Kafka does not answer, for a minute.
        """
        give_up_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._check()
            except PreflightError:
                if time.monotonic() > give_up_s:
                    raise
                time.sleep(_PAUSE_S)

    def _check(self) -> None:
        with registry(self.broker, self.topic) as topic:
            if topic.holders.of(self.lease.token) is None:
                raise JobError(f"another start of '{self.lease.name}' has ended this one")
