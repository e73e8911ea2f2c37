"""The user and the time of raw events, without the rest of them, read as the job reads them."""

from __future__ import annotations

from collections.abc import Sequence

from operators.events import fields
from operators.events.record import OneField
from operators.events.spec import TIME_UNITS_NS, EventsSpec
from operators.events.times import Times


class KeysAndTimes:
    """Reads users and times of raw events by the names that an `EventsSpec` gives them."""

    def __init__(self, events: EventsSpec) -> None:
        self._user = OneField(events.user)
        self._time = OneField(events.time)
        self._times = Times(TIME_UNITS_NS.get(events.time_unit), events.zone_of_times)
        self._nobody = frozenset(events.nobody)

    def keys(self, values: Sequence[bytes]) -> list[bytes | None]:
        """The Kafka key of each event: its user; None where that can't be read."""
        users, faults = fields.users(self._user.of(values), self._nobody)
        return [None if at in faults else user.encode() for at, user in enumerate(users)]

    def times_us(self, values: Sequence[bytes]) -> list[int | None]:
        """The time of each event, microseconds since 1970; None where it can't be read."""
        times_us, faults = self._times.read(self._time.of(values))
        return [None if at in faults else time for at, time in enumerate(times_us.tolist())]
