"""Where in a record a field may stand, by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from operators.events.names import FieldPath, alternatives


class ValuePlace(NamedTuple):
    """A field `within` an object of the record, or at its top (None).

    With a `path`, it is an object or a list in which the value is. But if there is a field `dotted`
    beside it, a name with dots, that is the value.
    """

    within: str | None
    field: str
    path: FieldPath | None = None
    dotted: str | None = None


def places(name: str, *, unlikely: bool) -> Iterator[ValuePlace]:
    """The places of a name, the first of which counts that has a value.

    What is `unlikely` is a path as the name of a field at the top.
    """
    for each in alternatives(name):
        path = FieldPath.of(each)
        if path is None or unlikely:
            yield ValuePlace(None, each)
        if path is not None:
            yield _place(path)


def unlikely_fields(name: str) -> list[str]:
    """Fields at the top that are called as a path is."""
    return [each for each in alternatives(name) if FieldPath.of(each) is not None]


def _place(path: FieldPath) -> ValuePlace:
    step, *rest = path.steps
    if type(step) is int:
        return ValuePlace(None, path.first, path)
    if not rest:
        return ValuePlace(path.first, str(step))
    within = FieldPath(str(step), path.steps[1:], path.rests[1:])
    return ValuePlace(path.first, within.first, within, path.rests[0])
