"""Two segments that are the same as one: what to ask `flockwise segments preview`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from flink_job.audit.findings import SameFound
from operators.rules.spec import SegmentSpec
from operators.rules.tree import quoted

# What the two may say differently; of all else it has to be decided which holds.
_FREE = {"when", "members", "description", "owner"}


def proposed(found: SameFound, segments: Mapping[str, SegmentSpec]) -> SameFound:
    """A finding with what to try instead: the first for both, and the other one not at all."""
    spec, other = segments.get(found.group), segments.get(found.other)
    why_not = _why_not(spec, other)
    if spec is None or other is None or why_not is not None:
        return msgspec.structs.replace(found, by_hand=why_not)
    return msgspec.structs.replace(found, when=_either(spec, other), without=found.other)


def merged(found: SameFound, segments: Mapping[str, Any]) -> dict[str, Any]:
    """The segments of a configuration, as plain data, with two of them as one.

    Whoever asked for the one that goes asks for the other.
    """
    kept = {name: dict(spec) for name, spec in segments.items() if name != found.without}
    first, second = kept[found.group], segments[found.other]
    first["when"] = found.when
    listed = [*first.get("members", ()), *second.get("members", ())]
    if listed:
        first["members"] = list(dict.fromkeys(listed))
    for spec in kept.values():
        for name in ("when", "leave_when"):
            if spec.get(name) is not None:
                spec[name] = _renamed(spec[name], found.other, found.group)
    return kept


def _why_not(spec: SegmentSpec | None, other: SegmentSpec | None) -> str | None:
    if spec is None or other is None:
        return "not in the configuration any more"
    if spec.when is None or other.when is None:
        return "one has no condition"
    differ = [
        field.encode_name
        for field in msgspec.structs.fields(SegmentSpec)
        if field.name not in _FREE and getattr(spec, field.name) != getattr(other, field.name)
    ]
    return f"they differ in {', '.join(differ)}" if differ else None


def _either(spec: SegmentSpec, other: SegmentSpec) -> str:
    return f"({spec.when}) OR ({other.when})"


def _renamed(condition: str, before: str, after: str) -> str:
    """A condition that asks for another segment."""
    asked = re.compile(rf"(in_segment\s*\(\s*){re.escape(quoted(before))}(\s*\))", re.IGNORECASE)
    return asked.sub(lambda match: f"{match[1]}{quoted(after)}{match[2]}", condition)
