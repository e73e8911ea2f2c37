"""Simulated events as JSON: a file of lines, or keys and values for Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from flink_job.demo.bad_records import KINDS, SPOIL
from flink_job.demo.catalogue import product_ids
from flink_job.demo.simulation import Simulation
from flink_job.demo.vocabulary import CATEGORIES, DEVICES, DISCOUNTS, EVENT_TYPES, REFERRERS
from operators.base.errors import FlockwiseError

CHUNK: Final = 20_000  # events encoded at once: a few MB, whatever the size of the simulation

KeyedRecord = tuple[bytes, bytes]


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One event as it stands in the JSON; a field that does not apply is absent."""

    user_id: str
    event_id: str
    event_time: str
    event_type: str
    session_id: str
    category: str
    device: str
    referrer: str
    product_id: str | None = None
    price: float | None = None
    quantity: int | None = None
    discount_code: str | None = None


_encode = msgspec.json.Encoder().encode


def records(simulation: Simulation) -> Iterator[KeyedRecord]:
    """Key and value of every record in order, the bad ones included; the key is the user."""
    for chunk in _chunks(simulation):
        yield from chunk


def write_jsonl(
    simulation: Simulation, path: Path, progress: Callable[[int], None] | None = None
) -> int:
    """Write every record as a line; returns their number.

    `progress` is told, chunk by chunk, how many records were written since it was last told.

    Raises:
        FlockwiseError: the file can't be written.
    """
    written = 0
    try:
        with path.open("wb") as file:
            for chunk in _chunks(simulation):
                file.write(b"".join([value + b"\n" for _, value in chunk]))
                written += len(chunk)
                if progress:
                    progress(len(chunk))
    except OSError as error:
        raise FlockwiseError(f"can't write the events to {path}: {error.strerror}") from error
    return written


def _chunks(simulation: Simulation) -> Iterator[list[KeyedRecord]]:
    events = EventReader(simulation)
    for begin in range(0, len(simulation), CHUNK):
        chunk = events.between(begin, begin + CHUNK)
        good = [(event.user_id.encode(), _encode(event)) for event in chunk]
        yield _with_bad_records(simulation, chunk, good, begin)


def _with_bad_records(
    simulation: Simulation, events: list[Event], good: list[KeyedRecord], begin: int
) -> list[KeyedRecord]:
    """The records of a chunk with the bad ones put behind the events that they spoil."""
    bad = simulation.bad
    low, high = np.searchsorted(bad.after, (begin, begin + len(events))).tolist()
    mixed: list[KeyedRecord] = []
    done = 0
    for number in range(low, high):
        at = int(bad.after[number]) - begin
        mixed += good[done : at + 1]
        done = at + 1
        # An id of its own, lest it be taken for a duplicate of the event it was copied from.
        fields = msgspec.to_builtins(events[at]) | {"event_id": f"{simulation.tag}-x{number:07d}"}
        mixed.append((good[at][0], SPOIL[KINDS[bad.kind[number]]](fields)))
    return mixed + good[done:]


class EventReader:
    """Reads events out of a simulation's columns."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._users = simulation.user_ids()
        # None stands last, where the position -1 finds it.
        self._products = [*product_ids(), None]
        self._discounts = [*DISCOUNTS, None]
        self._categories = list(CATEGORIES)

    def between(self, begin: int, end: int) -> list[Event]:
        """The events from position `begin` up to `end` or the last."""
        of, rows = self._simulation, slice(begin, end)
        session = of.session[rows]
        times = np.datetime_as_string(of.time_us[rows].view("datetime64[us]"), "ms", timezone="UTC")
        columns = (
            [self._users[user] for user in of.user[rows].tolist()],
            [f"{of.tag}-e{number:08d}" for number in range(begin, begin + len(session))],
            times.tolist(),
            [EVENT_TYPES[kind] for kind in of.kind[rows].tolist()],
            [f"{of.tag}-s{number:07d}" for number in session.tolist()],
            [self._categories[category] for category in of.category[rows].tolist()],
            [DEVICES[device] for device in of.device[session].tolist()],
            [REFERRERS[referrer] for referrer in of.referrer[session].tolist()],
            [self._products[product] for product in of.product[rows].tolist()],
            [cents / 100 if cents >= 0 else None for cents in of.price_cents[rows].tolist()],
            [quantity or None for quantity in of.quantity[rows].tolist()],
            [self._discounts[discount] for discount in of.discount[rows].tolist()],
        )
        return list(map(Event, *columns))
