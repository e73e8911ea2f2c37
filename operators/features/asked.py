"""What features and outcomes ask of events: types, and of which types they need which fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from operators.events.names import shown_name
from operators.events.spec import EventsSpec
from operators.features.filters import PropertyFilter
from operators.features.kinds.options import WHERE, counted_types
from operators.features.spec import FeatureSpec


@dataclass(frozen=True)
class Asked:
    """A property that is read, of events of some `types`, None for all; `where` it is named."""

    where: str
    field: str
    types: tuple[str, ...] | None


@dataclass(frozen=True)
class ReadBeside:
    """What is read of events beside features.

    `types` are the event types that it knows, by the places where they are named; `numbers` and
    `texts` the properties, and `asked` of which types. With `sessions`, these are carried on.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    asked: tuple[Asked, ...] = ()
    sessions: bool = False


NOTHING_BESIDE: Final = ReadBeside()


@dataclass(frozen=True)
class Expected:
    """Events that should come: those of a `type`, or those of the types `of` that have a `field`.

    One of the two is None; with `of` None events of any type may have the field.
    """

    where: str
    type: str | None = None
    field: str | None = None
    of: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """Such as "purchase", or "price of cart, purchase"."""
        if self.type is not None:
            return self.type
        of = "" if self.of is None else f" of {', '.join(self.of)}"
        return f"{shown_name(self.field or '')}{of}"


def asked_types(
    features: Mapping[str, FeatureSpec], beside: ReadBeside = NOTHING_BESIDE
) -> dict[str, str]:
    """The event types that are known, by the places where they are named first."""
    types: dict[str, str] = {}
    for name, spec in features.items():
        for each in spec.definition.known_types:
            types.setdefault(each, f"features.{name}")
    for each, where in beside.types.items():
        types.setdefault(each, where)
    return types


def asked_fields(
    features: Mapping[str, FeatureSpec], beside: ReadBeside = NOTHING_BESIDE
) -> tuple[Asked, ...]:
    """The properties that are read."""
    own = (each for name, spec in features.items() for each in _asked(name, spec))
    return (*own, *beside.asked)


def expected(
    features: Mapping[str, FeatureSpec], events: EventsSpec, beside: ReadBeside = NOTHING_BESIDE
) -> list[Expected]:
    """All that a configuration asks for, each once."""
    types = asked_types(features, beside).items()
    found = {("type", name): Expected(where, type=name) for name, where in types}
    ids = None if events.ids_by_content else events.id  # one that is made always comes
    for where, own in (("events.session", events.session), ("events.id", ids)):
        if own is not None:
            found["field", own] = Expected(where, field=own)
    for asked in asked_fields(features, beside):
        each = Expected(asked.where, field=asked.field, of=asked.types)
        found.setdefault(("field", str(each)), each)
    return list(found.values())


def _asked(name: str, spec: FeatureSpec) -> Iterator[Asked]:
    definition, kind = spec.definition, spec.kind
    found = counted_types(definition)
    types = None if found is None else tuple(found)
    reads, condition = kind.reads(definition), definition.get(WHERE)
    properties = [] if reads is None else [reads.name]
    if condition is not None:
        properties += [x for x in PropertyFilter(condition).columns if x not in properties]
    yield from (Asked(f"features.{name}", each, types) for each in properties)
