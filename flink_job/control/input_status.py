"""What of the events that a live job asks for comes, and what does not, as its lanes tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import msgspec

from flink_job.inspection.hints import field_hint, type_hint
from operators.base.durations import US_PER_UNIT
from operators.contracts.records import CameLast, LaneInput
from operators.events.names import shown_name

_LONG_S: Final = US_PER_UNIT["d"] / US_PER_UNIT["s"]  # without what did come: then it is told


class Absent(msgspec.Struct, frozen=True):
    """Events that are asked for, of which none has come for `seconds`; what they are, in words.

    `never` says that none has come since they are asked for; `hint` what may be meant then.
    """

    where: str
    what: str
    seconds: float
    never: bool
    hint: str = ""


class InputStatus(msgspec.Struct, frozen=True):
    """What the lanes that have told say together: as of a moment, when each came last.

    `absent` are those that have never come, or not for a day.
    """

    lanes: int
    lanes_told: int
    told_at: str | None
    came: list[CameLast]
    absent: list[Absent]

    @classmethod
    def of(cls, lanes: int, told: Collection[LaneInput]) -> InputStatus:
        """What the newest words of lanes come to."""
        came: dict[tuple[str | None, ...], CameLast] = {}
        for lane in told:
            for each in lane.came:
                key = (each.type, each.field, *(each.of or ()))
                came[key] = _together(came.get(key, each), each)
        told_at = max((each.at for each in told), default=None)
        absent = [] if told_at is None else list(_absent(list(came.values()), told, told_at))
        return cls(lanes, len(told), told_at, list(came.values()), absent)


def _together(one: CameLast, other: CameLast) -> CameLast:
    """Of two lanes: asked for by either, come to either."""
    last = max(filter(None, (one.last, other.last)), default=None)
    return msgspec.structs.replace(one, since=min(one.since, other.since), last=last)


def _absent(
    came: Collection[CameLast], told: Collection[LaneInput], told_at: str
) -> Iterator[Absent]:
    """What does not come; no field of types that do not come either."""
    fields = list(dict.fromkeys(name for lane in told for name in lane.fields))
    types = list(dict.fromkeys(name for lane in told for name in lane.types))
    gone = set[str]()
    for each in came:
        seconds = _seconds(each.last or each.since, told_at)
        if each.last is not None and seconds < _LONG_S:
            continue
        never = each.last is None
        if each.type is not None:
            gone.add(each.type)
            hint = type_hint(each.type, types) if never else ""
            yield Absent(each.where, f"event of type '{each.type}'", seconds, never, hint)
        elif each.of is None or not gone.issuperset(each.of):
            what = _with(each)
            unknown = never and each.field not in fields
            hint = field_hint(each.field or "", fields) if unknown else ""
            yield Absent(each.where, what, seconds, never, hint)


def _with(each: CameLast) -> str:
    of = "" if each.of is None else f" of type {' or '.join(each.of)}"
    return f"event{of} with '{shown_name(each.field or '')}'"


def _seconds(since: str, until: str) -> float:
    try:
        return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    except ValueError:  # anybody may write to the topic
        return 0.0
