"""How each kind of job runs, beside or against what its configuration says."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from flink_job.config.model import Config, RunSpec
from operators.base.durations import parse_duration_us


@dataclass(frozen=True)
class Tuning:
    """How a kind of job runs.

    Events are collected for `least_batch_ms` at least, and changes are committed at an interval
    between the two of checkpoints. `restarts` and `endless` are those of `Flink`. On this machine
    state is kept in `backend_here`, None leaves it to the configuration.
    """

    least_batch_ms: int = 1
    least_checkpoint_ms: int = 1
    most_checkpoint_ms: int = sys.maxsize
    restarts: int | None = None
    endless: bool = False
    backend_here: str | None = None

    def batch_ms(self, run: RunSpec) -> int:
        """How long events are collected."""
        return max(_milliseconds(run.batch), self.least_batch_ms)

    def checkpoint_ms(self, run: RunSpec) -> int:
        """How often changes are committed."""
        wanted = max(_milliseconds(run.checkpoint), self.least_checkpoint_ms)
        return min(wanted, self.most_checkpoint_ms)


LIVE: Final = Tuning()
# Nobody waits for each change in a run that ends: larger batches cost less an event. What fails
# there again and again fails the run.
BOUNDED: Final = Tuning(least_batch_ms=500, least_checkpoint_ms=1_000, restarts=2)
# A store may be away for long, and nothing is passed over. There is next to no state.
UPSERT: Final = Tuning(
    least_checkpoint_ms=1_000, most_checkpoint_ms=1_000, endless=True, backend_here="heap"
)

# Where state is kept unless the configuration says.
BACKEND_HERE: Final = "heap"
BACKEND_ON_A_CLUSTER: Final = "rocksdb"


def segment_tuning(config: Config) -> Tuning:
    """How the `segment` job of a configuration runs."""
    return BOUNDED if config.bounded else LIVE


def _milliseconds(duration: str) -> int:
    return max(parse_duration_us(duration) // 1_000, 1)
