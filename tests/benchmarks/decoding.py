"""How fast events in the format of each preset are decoded, beside flat ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from flink_job.config.presets import PRESETS
from flink_job.staging.unfolding import unfolded
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.events.times import Times
from operators.flink.interpreter import set_up
from tests.benchmarks.room import BadAnswerError, Room
from tests.benchmarks.workloads.shop import EVENTS_EACH, shop
from tests.formats import BESIDE, FORMATS, written
from tests.oracle import SECOND, Event

_END_US: Final = 1_790_000_000_000_000
_BATCH: Final = 1_000
_TYPES: Final = ("cart", "purchase", "search", "view")
_NUMBERS: Final = ("price",)
_TEXTS: Final = ("category", "product_id", "referrer")


@dataclass
class Format:
    """A format: its records, in batches, what decodes them, and the CPU seconds of each round."""

    decoder: EventDecoder
    batches: list[list[bytes]]
    seconds: list[float] = field(default_factory=list)

    @property
    def events(self) -> int:
        return sum(map(len, self.batches))

    @property
    def best_us(self) -> float:
        """What an event takes in the best round: whatever else is at work only adds to it."""
        return min(self.seconds) / self.events * 1e6

    def decode(self) -> None:
        """One more round."""
        began_s = time.process_time()
        for batch in self.batches:
            self.decoder.decode((), batch, _END_US)
        self.seconds.append(time.process_time() - began_s)

    def answer(self) -> list[Any]:
        """What comes of its first events, which must be the same in all formats."""
        decoded = self.decoder.decode((), self.batches[0], _END_US)
        events = decoded.events
        numbers = {name: of.tolist() for name, of in events.numbers.items()}
        texts = {name: list(of) for name, of in events.texts.items()}
        own = [list(events.users), events.time_us.tolist(), events.type.tolist()]
        return [*own, events.session, repr(numbers), texts, decoded.rejected]


def measure(room: Room) -> None:
    """The part of this room."""
    room.trying(["presets"], lambda: _presets(room))


def _presets(room: Room) -> None:
    """The lowest ratio; that of each format stands beside it."""
    users = 20 if room.quick else 200
    events = list(map(_event, shop(_END_US, users * EVENTS_EACH, users)))
    formats = {name: _format(name, events) for name in FORMATS}
    _check(formats)
    set_up()  # as operators do: without it the garbage collector takes more than it does there
    for _ in range(room.repeats(5 if room.quick else 25)):
        for each in formats.values():
            each.decode()
    flat_us = formats["flat"].best_us
    ratios = {name: flat_us / each.best_us for name, each in formats.items()}
    for name, each in formats.items():
        size = sum(len(value) for batch in each.batches for value in batch) / each.events
        cost = f"{each.best_us:.2f} us an event of {size:,.0f} bytes"
        room.say(f"{name}: {cost}, {ratios[name]:.2f} of flat")
    ratios.pop("flat")
    room.tell("presets", min(ratios.values()), flat_us=flat_us, **ratios)


def _event(record: tuple[bytes, bytes]) -> Event:
    """An event of the shop, at a whole second, as some of the formats have it."""
    fields = msgspec.json.decode(record[1])
    time_us = int(Times(None).read([fields["event_time"]])[0][0]) // SECOND * SECOND
    properties = {name: fields.get(name) for name in (*_NUMBERS, *_TEXTS)}
    named = (fields["event_type"], fields["session_id"], properties, fields["event_id"])
    return Event(fields["user_id"], time_us, *named)


def _format(name: str, events: Sequence[Event]) -> Format:
    given = {"format": name, **PRESETS[name], **BESIDE.get(name, {})}
    spec = msgspec.convert(given, EventsSpec)
    records: list[bytes] = [
        json.dumps(record, separators=(",", ":")).encode() for record in written(name, events)
    ]
    if spec.each is not None:  # as files are read
        records = list(unfolded(records, spec.each))
    batches = [records[at : at + _BATCH] for at in range(0, len(records), _BATCH)]
    return Format(EventDecoder(spec, _TYPES, _NUMBERS, _TEXTS, keyed=False), batches)


def _check(formats: Mapping[str, Format]) -> None:
    expected = formats["flat"].answer()
    for name, each in formats.items():
        if each.answer() != expected:
            raise BadAnswerError(f"{name}: the events are not those that were written")
