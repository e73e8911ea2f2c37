"""How events look: which field is what, as the configuration says it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Final, Literal

import msgspec

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.base.moments import parse_zone

TIME_UNITS_US: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DURATIONS: Final = ("session_gap", "max_skew", "dedup_within")


class EventsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the fields of an event, and how they are read.

    `time_unit` is `iso` for ISO 8601 texts, or the unit of a number since 1970. Texts that say no
    offset are in `zone`. Users of the names in `nobody` are missing. `types` renames event types.
    A session ends after `session_gap` without an event; with `session`, a new id begins a new
    one. With `id`, an event whose id its user has shown within `dedup_within` is dropped. `key`
    says whether the Kafka key is the user, or there is none and the user is taken from the value.
    """

    user: str = "user_id"
    time: str = "event_time"
    type: str = "event_type"
    session: str | None = None
    id: str | None = None
    time_unit: Literal["iso", "s", "ms", "us"] = "iso"
    types: dict[str, str] = {}
    session_gap: str = "30m"
    max_skew: str = "5m"
    dedup_within: str = "24h"
    max_bytes: int = 1_048_576
    key: Literal["user", "none"] = "user"
    zone: str = "UTC"
    nobody: list[str] = []

    @property
    def zone_of_times(self) -> tzinfo:
        """The zone of times that say no offset."""
        return UTC if self.zone == "UTC" else parse_zone(self.zone)

    @property
    def session_gap_us(self) -> int:
        """`session_gap` in microseconds."""
        return parse_duration_us(self.session_gap)

    @property
    def dedup_within_us(self) -> int | None:
        """For how long an id is known, in microseconds; None if events have none."""
        return None if self.id is None else parse_duration_us(self.dedup_within)

    @property
    def max_skew_us(self) -> int:
        """How far in the future an event may lie, in microseconds."""
        return parse_duration_us(self.max_skew)


def problems(spec: EventsSpec) -> Iterator[Problem]:
    """Every mistake in the `events` part of a configuration."""
    for name in _DURATIONS:
        try:
            parse_duration_us(getattr(spec, name))
        except UsageError as error:
            yield Problem(f"events.{name}", str(error))
    try:
        parse_zone(spec.zone)
    except UsageError as error:
        yield Problem("events.zone", str(error))
    for name in ("user", "time", "type", "session", "id"):
        if getattr(spec, name) == "":
            yield Problem(f"events.{name}", "expected the name of a field of the events")
    for raw, name in spec.types.items():
        if not raw or not name:
            yield Problem("events.types", "expected names that are not empty")
    if spec.max_bytes < 1:
        yield Problem("events.max_bytes", f"expected at least 1, found {spec.max_bytes}")
