"""Streams of profiles as Learn gets them: the demo's personas, and real events of two shops."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import yaml

from flink_job.config.model import FileSource
from flink_job.demo.events import records
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from flink_job.staging.reading import read
from operators.base.arrays import Floats, Ints
from operators.base.frame import FeatureColumn, Frame
from operators.clustering.learning.sample import SampleUpdate
from operators.clustering.learning.sampler import Sampler
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import floats, to_bytes
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.clocks import EvaluationRound, Step
from operators.features.event_clock import EventClock
from operators.features.lifetime import NONE_FORGOTTEN
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec

ROOT: Final = Path(__file__).parents[2]
DATA: Final = Path(os.environ.get("FLOCKWISE_DATA", ROOT.parent / "shared" / "data"))
TAOBAO_COLUMNS: Final = ["user_id", "item_id", "category_id", "behaviour", "at"]

DAYS: Final = 7
END_US: Final = 1_790_000_000_000_000

_RESOLUTION_US: Final = 60_000_000
_LATEST_US: Final = 4_000_000_000_000_000
_BATCH: Final = 500  # events


@dataclass(frozen=True)
class Everyone:
    """All users and their profiles float64[users, d] at a moment, and their update."""

    users: list[str]
    points: Floats
    update: SampleUpdate


class Shop:
    """A lane of Profile over a configuration, as far as its first cluster model goes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        events = msgspec.convert(config["events"], EventsSpec)
        specs = {name: msgspec.convert(of, FeatureSpec) for name, of in config["features"].items()}
        catalog = Catalog.compile(specs, events.session_gap_us)
        self.spec = msgspec.convert(next(iter(config["clusters"].values())), ClusterSpec)
        self._space = Space.of(self.spec.features, catalog.columns)
        self.columns = catalog.columns
        self._decoder = EventDecoder(
            events, catalog.event_types, catalog.numbers, catalog.texts, keyed=False
        )
        self._profiles = Profiles(catalog)
        self._clock, self._newest_us = EventClock(_RESOLUTION_US), 0
        self._sampler = Sampler(catalog.columns, {"": self._space}, lanes=1)

    def feed(self, values: Iterable[bytes]) -> Iterator[SampleUpdate]:
        """What Learn gets from events, batch by batch."""
        iterator = iter(values)
        while chunk := list(islice(iterator, _BATCH)):
            arrived = self._profiles.arrive(self._decoder.decode((), chunk, _LATEST_US).events)
            self._newest_us = max(self._newest_us, int(arrived.reached_us.max(initial=0)))
            for step in self._clock.steps(self._profiles, arrived):
                yield from self._updates(step)
            self._profiles.journal.commit()

    def everyone(self) -> Everyone:
        """All users now."""
        table = self._profiles.table
        rows = table.rows()
        now_us = np.full(len(rows), self._newest_us)
        last = EvaluationRound(rows, now_us, self._profiles.evaluate(rows, now_us).values)
        frame = Frame(self.columns, last.values, last.now_us, table.dictionary)
        (update,) = self._updates(Step([last], NONE_FORGOTTEN, self._newest_us))
        users = [table.users[row] for row in last.rows.tolist()]
        return Everyone(users, self._space.points(frame), update)

    def _updates(self, step: Step) -> Iterator[SampleUpdate]:
        return (update for _, update in self._sampler.updates(self._profiles.table, step))


@dataclass(frozen=True)
class Stream:
    """A run as Learn sees it, in the order of time, and everyone at its end."""

    name: str
    spec: ClusterSpec
    columns: Mapping[str, FeatureColumn]
    updates: list[SampleUpdate]
    everyone: Everyone

    def shuffled(self, seed: int, size: int = 40) -> Iterator[SampleUpdate]:
        """The same profiles, users mixed otherwise: each user's own stay in their order."""
        own = np.concatenate([np.frombuffer(each.tickets, np.uint32) for each in self.updates])
        at_us = np.concatenate([np.frombuffer(each.at_us, np.int64) for each in self.updates])
        d = self.everyone.points.shape[1]
        points = np.concatenate([floats(each.points, -1, d) for each in self.updates])
        order = _mixed(own, np.random.default_rng(seed))
        for start in range(0, len(order), size):
            at = order[start : start + size]
            yield SampleUpdate(own[at].tobytes(), at_us[at].tobytes(), to_bytes(points[at]))


def demo() -> dict[str, Any]:
    """The configuration of the demo."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "flink_job/demo/demo.yaml").read_text())
    return config


def week(users: int, seed: int) -> Simulation:
    """A week of the demo's shop; another seed has other shoppers."""
    return simulate(Population(users, DAYS, END_US), seed)


def personas(simulation: Simulation) -> Stream:
    """The demo's shoppers, by the demo's configuration."""
    return _stream("personas", demo(), (value for _, value in records(simulation)))


def real(name: str) -> Stream:
    """The events of `rees46` or `taobao`, by the example's configuration."""
    file = {"rees46": "rees46_2019oct_17k.csv.gz", "taobao": "taobao_1day_110k.csv.gz"}[name]
    source = FileSource(
        paths=[str(DATA / file)], columns=TAOBAO_COLUMNS if name == "taobao" else None
    )
    config = yaml.safe_load((ROOT / "deploy" / "examples" / f"{name}.yaml").read_text())
    return _stream(name, config, read(DATA / file, source))


def _stream(name: str, config: Mapping[str, Any], values: Iterable[bytes]) -> Stream:
    shop = Shop(config)
    updates = list(shop.feed(values))
    return Stream(name, shop.spec, shop.columns, updates, shop.everyone())


def _mixed(own: Ints, random: np.random.Generator) -> Ints:
    """Positions in random order, but those of each user among themselves in the order given."""
    slots = own[random.permutation(len(own))]  # whose turn it is
    order = np.empty(len(own), np.int64)
    order[np.argsort(slots, kind="stable")] = np.argsort(own, kind="stable")
    return order
