"""How events look: which field is what, as the configuration says it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from operators.base.durations import parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.base.moments import parse_zone
from operators.events.names import alternatives, joined
from operators.events.numbers import NumberFormat

TIME_UNITS_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
CONTENT: Final = "content"  # in place of the name of an id: made of all that an event holds
_FIELDS: Final = ("user", "time", "type", "session", "id")
_DURATIONS: Final = ("session_gap", "max_skew", "dedup_within")


# Several are a list where they are written, and one text from then on: see `names`.
if TYPE_CHECKING:
    FieldName = str
else:
    FieldName = str | list[str]


Format = Literal[
    "flat",
    "segment",
    "amplitude",
    "mixpanel",
    "posthog",
    "ga4_export",
    "snowplow",
    "matomo",
]


class ConstantType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The type of all events, where they are of one kind."""

    constant: str


class EventsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the fields of an event, of several the first that is there, and how they are read.

    `time_unit` is `iso` for ISO 8601 texts, or the unit of a number since 1970. Texts that say no
    offset are in `zone`. Users of the names in `nobody` are missing. `types` renames event types;
    with a `ConstantType` all events are of one. A session ends after `session_gap` without an
    event; with `session`, a new id begins a new one; those of the names in `no_session` are
    missing. With `id`, an event whose id its user has shown within `dedup_within` is dropped;
    `CONTENT` stands for one that is made. `key` says whether the Kafka key is the user, or there
    is none and the user is taken from the value.
    `format` names what the rest is made of where it is not said; `properties` the fields within
    which properties stand that are not at the top. `number` is how texts write numbers, and
    `on_bad_value` what becomes of an event with a property that can't be read. With `takes_back`
    a property that is null is not missing, but taken back. `each` names the list of events that
    a record of a file holds, where one holds several.
    """

    user: FieldName = "user_id"
    time: FieldName = "event_time"
    type: FieldName | ConstantType = "event_type"
    session: FieldName | None = None
    id: FieldName | None = None
    time_unit: Literal["iso", "s", "ms", "us", "ns"] = "iso"
    types: dict[str, str] = {}
    session_gap: str = "30m"
    max_skew: str = "5m"
    dedup_within: str = "24h"
    max_bytes: int = 1_048_576
    key: Literal["user", "none"] = "user"
    zone: str = "UTC"
    nobody: list[str] = []
    no_session: list[str] = []
    format: Format = "flat"
    properties: list[str] = []
    number: NumberFormat | None = None
    on_bad_value: Literal["dead_letter", "missing"] = "dead_letter"
    takes_back: bool = False
    each: str | None = None

    def property_name(self, name: str) -> str:
        """A property at the top of an event, else within one of `properties`."""
        return joined([name, *(f"{each}.{name}" for each in self.properties)])

    def __post_init__(self) -> None:
        for name in _FIELDS:
            if isinstance(given := getattr(self, name), list):
                msgspec.structs.force_setattr(self, name, joined(given))

    @property
    def zone_of_times(self) -> tzinfo:
        """The zone of times that say no offset."""
        return UTC if self.zone == "UTC" else parse_zone(self.zone)

    @property
    def type_field(self) -> str | None:
        """The name of the field of types, None if all events are of one."""
        return None if isinstance(self.type, ConstantType) else self.type

    @property
    def id_field(self) -> str | None:
        """The name of the field of ids, None if there is none."""
        names = [] if self.id is None else [x for x in alternatives(self.id) if x != CONTENT]
        return joined(names) if names else None

    @property
    def ids_by_content(self) -> bool:
        """Whether events without an id get one by what they hold."""
        return self.id is not None and CONTENT in alternatives(self.id)

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
    if spec.number is not None:
        yield from spec.number.problems()
    try:
        parse_zone(spec.zone)
    except UsageError as error:
        yield Problem("events.zone", str(error))
    yield from _problems_of_names(spec)
    if spec.max_bytes < 1:
        yield Problem("events.max_bytes", f"expected at least 1, found {spec.max_bytes}")


def _problems_of_names(spec: EventsSpec) -> Iterator[Problem]:
    for name in _FIELDS:
        field = getattr(spec, name)
        if isinstance(field, ConstantType):
            if not field.constant:
                yield Problem(f"events.{name}.constant", "expected a type, such as page_view")
        elif field is not None and "" in alternatives(field):
            yield Problem(f"events.{name}", "expected the name of a field of the events")
    if CONTENT in alternatives(spec.id or "")[:-1]:
        said = f"expected {CONTENT} to stand last: what is made is always there"
        yield Problem("events.id", said)
    if spec.no_session and spec.session is None:
        yield Problem("events.no_session", "expected events.session, the field that it is about")
    if spec.each == "":
        yield Problem("events.each", "expected the name of a field of the records")
    for raw, name in spec.types.items():
        if not raw or not name:
            yield Problem("events.types", "expected names that are not empty")
