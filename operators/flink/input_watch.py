"""Says of a live job what is asked for and does not come: by metrics, and in the status topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from pyflink.common import Row, Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from operators.base.moments import iso_at
from operators.contracts.records import CameLast, LaneInput, encode
from operators.events.seen_names import SeenNames
from operators.features.arrivals import Arrivals
from operators.features.asked import Expected, expected
from operators.features.catalog import Catalog
from operators.features.sightings import LastSeen, Sightings, Spotter
from operators.flink.metrics import InputMetrics
from operators.flink.streams import DEAD_LETTERS
from operators.settings import Settings

_EVERY_US: Final = 1_000_000  # a batch of a second is looked into for names
_LOOKED_INTO: Final = 20  # of its records
_TOLD_NAMES: Final = 50


class InputWatch:
    """Watches the lanes of an operator.

    State: key lane; when each of what is asked for came last, as `LastSeen`; written here, at the
    first of each and then once a minute; lives as long as the job. Names that were seen are those
    of this attempt.
    """

    def __init__(self, context: RuntimeContext, settings: Settings, catalog: Catalog) -> None:
        self._expected = expected(settings.features, settings.events, settings.beside)
        self._spotter = Spotter(self._expected, catalog.event_types)
        self._status = settings.outputs.status
        self._names = SeenNames(settings.events)
        self._sampled_us = 0
        self._metrics = InputMetrics(context.get_metrics_group(), self._expected)
        self._kept = context.get_state(
            ValueStateDescriptor("profile-input", Types.PICKLED_BYTE_ARRAY())
        )
        self._lanes: dict[int, Sightings] = {}

    def see(self, lane: int, arrivals: Arrivals, values: Sequence[bytes], now_us: int) -> None:
        """Look at what has come to the current lane, events and the raw records of the batch."""
        sightings = self._of(lane, now_us)
        if now_us - self._sampled_us >= _EVERY_US:
            self._sampled_us = now_us
            self._names.add(values[:_LOOKED_INTO])
        for at in sightings.see(arrivals, now_us).tolist():
            self._metrics.came(at, now_us)
        if (kept := sightings.to_write(now_us)) is not None:
            self._kept.update(_encode(kept))

    def tell(self, lane: int, now_us: int) -> Iterator[Any]:
        """What the current lane has to tell now, for the side output of records."""
        sightings = self._of(lane, now_us)
        if self._status is None or not sightings.to_tell(now_us):
            return
        came = [
            _came(each, since_us, seen_us)
            for each, since_us, seen_us in zip(
                self._expected, sightings.since_us, sightings.seen_us.tolist(), strict=True
            )
        ]
        names = self._names
        fields, types = names.most(names.fields, _TOLD_NAMES), names.most(names.types, _TOLD_NAMES)
        record = LaneInput(lane, iso_at(now_us), came, fields, types)
        yield DEAD_LETTERS, Row(self._status, f"input of lane {lane}".encode(), encode(record))

    def _of(self, lane: int, now_us: int) -> Sightings:
        if lane not in self._lanes:
            stored = self._kept.value()
            kept = LastSeen() if stored is None else _decode(stored)
            self._lanes[lane] = sightings = Sightings(self._spotter, kept, now_us)
            for at, seen_us in enumerate(sightings.seen_us.tolist()):
                self._metrics.came(at, seen_us)
        return self._lanes[lane]


def _came(each: Expected, since_us: int, seen_us: int) -> CameLast:
    of = None if each.of is None else list(each.of)
    last = None if seen_us < 0 else iso_at(seen_us)
    return CameLast(each.where, iso_at(since_us), last, each.type, each.field, of)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(LastSeen).decode
