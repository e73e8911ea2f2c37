"""Arrays as bytes, in msgpack messages that carry a format number. Never pickle."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.base.arrays import Floats
from operators.base.errors import JobError

FORMAT: Final = 3

_Message = TypeVar("_Message")

encode = msgspec.msgpack.Encoder().encode


class _Head(msgspec.Struct, frozen=True):
    format: int
    river: str


def decode(data: bytes, shape: type[_Message], what: str) -> _Message:
    """The message of type `shape` in the bytes; `what` names it in errors.

    Raises:
        JobError: another format, or bytes that are no such message.
    """
    try:
        head = msgspec.msgpack.decode(data, type=_Head)
        if head.format == FORMAT:
            return msgspec.msgpack.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JobError(f"{what}: expected a message of format {FORMAT}, found {error}") from error
    raise JobError(
        f"{what}: expected format {FORMAT}, found {head.format} (written with river {head.river}); "
        "read it with the version of flockwise that wrote it"
    )


def to_bytes(array: NDArray[np.float64]) -> bytes:
    """An array of numbers as little-endian float64, row by row."""
    return array.astype("<f8", copy=False).tobytes()


def floats(data: bytes, *shape: int) -> Floats:
    """The read-only array of a shape (-1: as many as there are) in the bytes.

    Raises:
        JobError: the bytes don't fill this shape.
    """
    try:
        return np.frombuffer(data, "<f8").reshape(shape)
    except ValueError as error:
        raise JobError(f"a stored array: expected the shape {shape}, found {error}") from error
