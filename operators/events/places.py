"""Where in a record a field may stand, by its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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


def places(name: str, never: Collection[str]) -> Iterator[ValuePlace]:
    """The places of a name, the first of which counts that has a value.

    Fields at the top that are called as those in `never` are not among them.
    """
    for each in alternatives(name):
        if each not in never:
            yield ValuePlace(None, each)
        path = FieldPath.of(each)
        if path is not None:
            yield _place(path)


def unlikely(names: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Fields at the top that hardly ever come: those that are called as a path is, and then also
    those whose values may be within an object.
    """
    named = {name: alternatives(name) for name in names}
    paths = frozenset(x for some in named.values() for x in some if FieldPath.of(x) is not None)
    nested = {x for some in named.values() if not paths.isdisjoint(some) for x in some}
    alone = {x for some in named.values() if paths.isdisjoint(some) for x in some}
    return paths, paths | (nested - alone)


def _place(path: FieldPath) -> ValuePlace:
    step, *rest = path.steps
    if type(step) is int:
        return ValuePlace(None, path.first, path)
    if not rest:
        return ValuePlace(path.first, str(step))
    within = FieldPath(str(step), path.steps[1:], path.rests[1:])
    return ValuePlace(path.first, within.first, within, path.rests[0])
