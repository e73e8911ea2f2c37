"""The messages of the control topic, as JSON."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from operators.base.errors import UsageError
from operators.rules.spec import SegmentSpec

LARGEST: Final = 900_000  # bytes of a message: Kafka takes a million unless it is told otherwise


_Version: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Segments(msgspec.Struct, frozen=True, tag_field="kind", tag="segments"):
    """All segments at a version, which counts up from 1. `at` (ISO 8601) and `by` say whose."""

    version: _Version
    segments: dict[str, SegmentSpec]
    at: str | None = None
    by: str | None = None


class Preview(msgspec.Struct, frozen=True, tag_field="kind", tag="preview"):
    """A question: who would enter and leave if these were the segments? `id` names the answer."""

    id: _Name
    segments: dict[str, SegmentSpec]


class Started(msgspec.Struct, frozen=True, tag_field="kind", tag="started"):
    """A note that a job was started at a moment (ISO 8601), over features by name and identity.

    A `fresh` one begins with no state, others with that of the job before. `fence` is that of
    its lease: jobs with a smaller one have ended.
    """

    at: str
    features: dict[str, str]
    fresh: bool
    fence: int = 0


NONE: Final = Segments(version=0, segments={})  # before there is a version

Message: TypeAlias = Segments | Preview | Started

encode = msgspec.json.Encoder().encode
_decoder: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)


def read(raw: bytes) -> Message:
    """A message of the control topic.

    Raises:
        UsageError: it is none; the text says what stood there instead.
    """
    if len(raw) > LARGEST:
        raise UsageError(f"expected at most {LARGEST:,} bytes, found {len(raw):,}")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"not a control message: {error}") from None
