"""How the exports of well-known tools name things: what `events.format` stands for.

A preset is the `events` that one would write by hand; whatever stands in a configuration wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PRESETS: Final[Mapping[str, Mapping[str, object]]] = {
    "flat": {},
    "segment": {
        "user": ["userId", "anonymousId"],
        "time": ["timestamp", "originalTimestamp", "receivedAt"],
        "type": ["event", "type"],
        "id": "messageId",
        "properties": ["properties", "traits"],
    },
    "amplitude": {
        "user": ["user_id", "device_id"],
        "time": "event_time",
        "type": "event_type",
        "session": "session_id",
        "no_session": ["-1"],
        "id": "$insert_id",
        "properties": ["event_properties", "user_properties"],
    },
    "mixpanel": {
        "user": ["properties.$user_id", "properties.distinct_id"],
        "time": "properties.time",
        "time_unit": "s",
        "type": "event",
        "id": "properties.$insert_id",
        "properties": ["properties"],
    },
    "posthog": {
        "user": "distinct_id",
        "time": "timestamp",
        "type": "event",
        "session": "properties.$session_id",
        "id": "uuid",
        "properties": ["properties"],
    },
    "ga4_export": {
        "user": ["user_id", "user_pseudo_id"],
        "time": "event_timestamp",
        "time_unit": "us",
        "type": "event_name",
        "session": "event_params.ga_session_id",
        "properties": ["event_params", "user_properties", "ecommerce", "device", "geo"],
    },
    "snowplow": {
        "user": ["user_id", "domain_userid"],
        "time": ["derived_tstamp", "collector_tstamp"],
        "type": ["event_name", "event"],
        "session": "domain_sessionid",
        "id": "event_id",
    },
    "matomo": {
        "each": "actionDetails",
        "user": ["userId", "visitorId"],
        "time": "timestamp",
        "time_unit": "s",
        "type": ["eventAction", "type"],
        "session": "idVisit",
        "id": "pageId",
    },
}


def with_preset(data: object) -> object:
    """A configuration's data with the preset that its `events.format` names, if there is one."""
    events: Any = data.get("events") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(events, dict):
        return data
    preset = PRESETS.get(str(events.get("format")))
    if not preset:
        return data
    both = {**preset, **events}
    if both.get("session") is None and "no_session" not in events:
        both.pop("no_session", None)
    return {**data, "events": both}
