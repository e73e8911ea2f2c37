"""Writes events as the exports of well-known tools have them, one function a format.

A user of every other event is written as one who is not logged in: their name stands in the field
of a device. Fields that nobody reads are among them, as they are in real exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from tests.oracle import SECOND, Event

Record = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(event: Event) -> str:
    """The time of an event."""
    return (_EPOCH + timedelta(microseconds=event.time)).isoformat().replace("+00:00", "Z")


def flat(event: Event, at: int) -> Record:
    named = {"user_id": event.user, "event_time": iso(event), "event_type": event.type}
    return {**named, "session": event.session, "event_id": event.id, **event.properties}


def segment(event: Event, at: int) -> Record:
    who = {"anonymousId": event.user, "userId": None} if at % 2 else {"userId": event.user}
    return {
        **{"type": "track", "event": event.type, **who, "messageId": event.id},
        "properties": {**_known(event), "session_id": event.session},
        "context": {"library": {"name": "analytics.js", "version": "next-1.51"}},
        "originalTimestamp": iso(event),
        "timestamp": iso(event),
    }


def amplitude(event: Event, at: int) -> Record:
    who = {"device_id": event.user, "user_id": None} if at % 2 else {"user_id": event.user}
    return {
        **{"event_type": event.type, **who, "$insert_id": event.id, "library": "http/2.0"},
        "session_id": -1 if event.session is None else event.session,
        "event_time": iso(event).replace("T", " ").removesuffix("Z"),
        "event_properties": _known(event),
        "user_properties": {"language": "German"},
    }


def mixpanel(event: Event, at: int) -> Record:
    who = {"distinct_id": event.user} if at % 2 else {"$user_id": event.user, "distinct_id": "x"}
    own = {"time": _whole_seconds(event), **who, "$insert_id": event.id, "mp_lib": "web"}
    return {
        "event": event.type,
        "properties": {**own, "session_id": event.session, **_known(event)},
    }


def posthog(event: Event, at: int) -> Record:
    own = {"$session_id": event.session, "$lib": "web"}
    return {
        **{"uuid": event.id, "event": event.type, "distinct_id": event.user},
        "properties": {**own, **_known(event)},
        "timestamp": iso(event),
        "team_id": 1,
    }


def ga4_export(event: Event, at: int) -> Record:
    own = {"ga_session_id": event.session, "page_location": "https://shop.example"}
    who = {"user_pseudo_id": event.user} if at % 2 else {"user_id": event.user}
    return {
        "event_date": iso(event)[:10].replace("-", ""),
        "event_timestamp": str(event.time),
        "event_name": event.type,
        "event_params": [_pair(*each) for each in {**own, **_known(event)}.items() if each[1]],
        **who,
        "user_properties": [],
        "device": {"operating_system": "iOS", "language": "de-de"},
        "geo": {"country": "Germany"},
    }


def snowplow(event: Event, at: int) -> Record:
    who = {"domain_userid": event.user} if at % 2 else {"user_id": event.user, "domain_userid": "x"}
    own = {"app_id": "shop", "platform": "web", "event": "unstruct", "event_id": event.id, **who}
    times = {"collector_tstamp": iso(event), "derived_tstamp": iso(event)}
    named = {"event_name": event.type, "domain_sessionid": event.session}
    return {**own, **times, **named, **event.properties}


def matomo(event: Event, at: int) -> Record:
    """One action of a visit: see `written`."""
    own = {"type": "event", "eventAction": event.type, "eventCategory": "shop", "pageId": event.id}
    return {**own, "timestamp": _whole_seconds(event), **_known(event)}


_WRITERS: Final[Mapping[str, Callable[[Event, int], Record]]] = {
    writer.__name__: writer
    for writer in (flat, segment, amplitude, mixpanel, posthog, ga4_export, snowplow, matomo)
}
FORMATS: Final = tuple(_WRITERS)

# What a configuration says beside the name of the format, since the tool has no such field.
BESIDE: Final[Mapping[str, Mapping[str, Any]]] = {
    "flat": {"session": "session", "id": "event_id"},
    "segment": {"session": "properties.session_id"},
    "mixpanel": {"session": "properties.session_id"},
}


def written(format_: str, events: Sequence[Event]) -> list[Record]:
    """The records of an export of these events, in their order; Matomo has one a visit."""
    if format_ == "matomo":
        return [_visit(list(those)) for _, those in groupby(enumerate(events), _visit_of)]
    return [_WRITERS[format_](event, at) for at, event in enumerate(events)]


def _visit_of(numbered: tuple[int, Event]) -> tuple[str, str | None]:
    return numbered[1].user, numbered[1].session


def _visit(numbered: Sequence[tuple[int, Event]]) -> Record:
    at, first = numbered[0]
    who = {"visitorId": first.user} if at % 2 else {"userId": first.user, "visitorId": "x"}
    actions = [matomo(event, number) for number, event in numbered]
    return {"idSite": 1, "idVisit": first.session, **who, "actionDetails": actions}


def _known(event: Event) -> Record:
    """The properties that it has."""
    return {name: value for name, value in event.properties.items() if value is not None}


def _whole_seconds(event: Event) -> int:
    seconds, rest = divmod(event.time, SECOND)
    assert not rest, "the format has whole seconds"
    return seconds


def _pair(key: str, value: Any) -> Record:
    kind = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    return {"key": key, "value": {kind: str(value) if type(value) is int else value}}
