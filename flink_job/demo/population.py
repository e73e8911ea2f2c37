"""Who is to be simulated, and when."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from flink_job.demo.personas import PERSONAS, Persona
from operators.base.durations import US_PER_UNIT
from operators.base.errors import UsageError

MOST_DAYS: Final = 366
MOST_USER_DAYS: Final = 5_000_000  # about 100 million events, 12 GB of memory
LATEST_US: Final = 4_102_444_800 * US_PER_UNIT["s"]  # the year 2100


@dataclass(frozen=True)
class Population:
    """`users` shoppers over `days` days that end at `end_us` (microseconds since 1970, UTC).

    No event is later than `end_us`. Users in the middle of a session then are cut off there, so
    an end in the evening leaves many of them active. `bad_share` is the number of deliberately
    bad records for each event; the events themselves don't depend on it.

    Raises:
        UsageError: a number is out of its range.
    """

    users: int
    days: int
    end_us: int
    bad_share: float = 0.0
    personas: tuple[Persona, ...] = PERSONAS

    def __post_init__(self) -> None:
        _within("days", self.days, 1, MOST_DAYS)
        _within("users", self.users, 1, MOST_USER_DAYS // self.days)
        _within("end_us", self.end_us, self.days * US_PER_UNIT["d"], LATEST_US)
        _within("bad_share", self.bad_share, 0.0, 1.0)
        _within("the number of personas", len(self.personas), 1, 100)

    @property
    def end_ms(self) -> int:
        """The end in whole milliseconds, the resolution of the simulated times."""
        return self.end_us // US_PER_UNIT["ms"]

    @property
    def begin_ms(self) -> int:
        """The first moment at which an event may happen."""
        return self.end_ms - self.days * US_PER_UNIT["d"] // US_PER_UNIT["ms"]

    def tag(self, seed: int) -> str:
        """A short name of this population under this seed, so that its ids are its own."""
        identity = f"{seed} {self.users} {self.days} {self.end_us}"
        return blake2s(identity.encode(), digest_size=4).hexdigest()


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"simulation: {name} must be from {low} to {high}, found {value}")
