"""What another version of the segments adds, changes and removes, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from operators.rules.spec import SegmentSpec

_FIELDS: Final = msgspec.structs.fields(SegmentSpec)


@dataclass(frozen=True)
class Difference:
    """What becomes of a segment; of one that changes each field as it was and as it will be."""

    kind: Literal["added", "changed", "removed"]
    name: str
    fields: tuple[str, ...]


def differences(
    held: Mapping[str, SegmentSpec], wanted: Mapping[str, SegmentSpec]
) -> Iterator[Difference]:
    """What is added, what is changed, and what is removed, each in the order of its segments."""
    for name, spec in wanted.items():
        if name not in held:
            yield Difference("added", name, tuple(_said(spec)))
    for name, spec in wanted.items():
        if name in held and held[name] != spec:
            yield Difference("changed", name, tuple(_changed(held[name], spec)))
    for name, spec in held.items():
        if name not in wanted:
            yield Difference("removed", name, tuple(_said(spec)))


def _said(spec: SegmentSpec) -> Iterator[str]:
    for field in _FIELDS:
        value = getattr(spec, field.name)
        if value != field.default:
            yield f"{field.encode_name}: {_shown(value)}"


def _changed(was: SegmentSpec, becomes: SegmentSpec) -> Iterator[str]:
    for field in _FIELDS:
        old, new = getattr(was, field.name), getattr(becomes, field.name)
        if old != new:
            yield f"{field.encode_name}: {_shown(old)} -> {_shown(new)}{_moved(old, new)}"


def _moved(old: Any, new: Any) -> str:
    """How many users come to a list, and how many go."""
    if not isinstance(old, tuple):
        return ""
    return f" ({len(set(new) - set(old)):,} more, {len(set(old) - set(new)):,} gone)"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return f"{len(value):,} listed"
        case _:
            return str(value)
