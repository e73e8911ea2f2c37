"""What a configuration asks of events: fields, types, and of which types it needs which fields."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from flink_job.config.model import Config
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.asked import Asked, asked_fields, asked_types


@dataclass(frozen=True)
class Wanted:
    """What is read of events.

    `types` are the event types that are known, by the places where they are named; `numbers`
    and `texts` the properties that are read, and `asked` by what, and of which types.
    """

    events: EventsSpec
    types: dict[str, str] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    asked: tuple[Asked, ...] = ()

    @classmethod
    def of(cls, config: Config) -> Wanted:
        """What a whole configuration asks for."""
        catalog, beside = config.catalog(), config.beside
        return cls(
            config.events,
            asked_types(config.features, beside),
            catalog.numbers,
            catalog.texts,
            asked_fields(config.features, beside),
        )

    @property
    def needed(self) -> dict[str, str]:
        """The fields that each event must have, by the places where they are named."""
        events = self.events
        kind = {} if events.type_field is None else {"events.type": events.type_field}
        return {"events.user": events.user, "events.time": events.time, **kind}

    @property
    def optional(self) -> dict[str, str]:
        """The fields that events may have, by the places where they are named."""
        named = {"events.session": self.events.session, "events.id": self.events.id_field}
        return {where: name for where, name in named.items() if name is not None}

    @property
    def fields(self) -> frozenset[str]:
        """All fields that are read."""
        named = (*self.needed.values(), *self.optional.values())
        return frozenset(named) | self.numbers | self.texts

    @property
    def number_fields(self) -> frozenset[str]:
        """Those that are read as numbers and as nothing else."""
        return self.numbers - self.texts - {*self.needed.values(), *self.optional.values()}

    def decoder(self) -> EventDecoder:
        """What reads events as the job does, but for ids that are made."""
        events = msgspec.structs.replace(self.events, id=self.events.id_field)
        return EventDecoder(events, list(self.types), self.numbers, self.texts, keyed=False)
