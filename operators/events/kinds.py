"""What nearly all values of a field are, as msgspec can check it on the way."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

LONGEST_USER: Final = 512  # characters; Cassandra and Kafka keys are meant to be short
LONGEST_TEXT: Final = 1_000  # characters; a record repeats a category in each why that names it

PLAIN_USER: Final[Any] = Annotated[str, Meta(min_length=1, max_length=LONGEST_USER)]
PLAIN_TYPE: Final[Any] = Annotated[str, Meta(min_length=1)]
PLAIN_TEXT: Final[Any] = Annotated[str, Meta(max_length=LONGEST_TEXT)] | None
PLAIN_NUMBER: Final[Any] = float | None
# Of each of several fields of which one is needed.
OPTIONAL_USER: Final[Any] = Annotated[str, Meta(max_length=LONGEST_USER)] | None
OPTIONAL_TYPE: Final[Any] = str | None
NEVER: Final[Any] = Annotated[int, Meta(ge=1, le=0)]  # no value is of this kind

TYPED: Final = (PLAIN_TEXT, PLAIN_NUMBER)  # of fields that may be missing


def of_two(one: Any, other: Any) -> Any:
    """The kind of what is of both kinds, None if nothing is."""
    narrow_to_wide = (OPTIONAL_USER, PLAIN_TEXT, OPTIONAL_TYPE)
    if one in narrow_to_wide and other in narrow_to_wide:
        return next(kind for kind in narrow_to_wide if kind in (one, other))
    return None


def is_optional(kind: Any) -> bool:
    """Whether a field of this kind may be missing."""
    return kind is Any or kind in (*TYPED, OPTIONAL_USER, OPTIONAL_TYPE)


def as_optional(kind: Any) -> Any:
    """The kind of one of several fields of which one is needed."""
    return {PLAIN_USER: OPTIONAL_USER, PLAIN_TYPE: OPTIONAL_TYPE}.get(kind, kind)
