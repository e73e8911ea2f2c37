"""The profiles of the demo's simulated shoppers, by its own features and without Flink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml

import flink_job.demo
from flink_job.config.load import check
from flink_job.demo.events import records
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from operators.clustering.space import Space
from operators.clustering.spec import ClusterSpec
from operators.events.decode import EventDecoder
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.frame import FeatureColumn, Floats, Frame

DAYS: Final = 5
END_US: Final = 1_764_016_200_000_000  # an evening
_BATCH: Final = 20_000  # events


@dataclass(frozen=True)
class Shoppers:
    """n shoppers at the end of their simulation: raw points float64[n, d], and their personas."""

    spec: ClusterSpec
    columns: Mapping[str, FeatureColumn]
    space: Space
    points: Floats
    personas: tuple[str, ...]


def shoppers(users: int, seed: int) -> Shoppers:
    """The shoppers of a simulation as the demo's cluster model sees them."""
    folder = Path(flink_job.demo.__path__[0])
    data = yaml.safe_load((folder / "demo.yaml").read_text("utf-8"))
    stand_ins = {"source": {"files": {"paths": ["-"]}}, "output": {"folder": "-"}}
    config = check({**data, **stand_ins}, "the demo")
    catalog = Catalog.compile(config.features, config.events.session_gap_us)
    simulation = simulate(Population(users, DAYS, END_US), seed)
    decoder = EventDecoder(
        config.events, catalog.event_types, catalog.numbers, catalog.texts, keyed=True
    )
    profiles = _profiles(catalog, decoder, simulation)
    rows = profiles.table.rows()
    moments = np.full(len(rows), END_US)
    values = profiles.evaluate(rows, moments).values
    spec = next(iter(config.clusters.values()))
    space = Space.of(spec.features, catalog.columns)
    frame = Frame(catalog.columns, values, moments, profiles.table.dictionary)
    persona_of = simulation.personas_of()
    names = {row: user for user, row in profiles.table.index.items()}
    return Shoppers(
        spec,
        catalog.columns,
        space,
        space.points(frame),
        tuple(persona_of[names[row]] for row in rows.tolist()),
    )


def _profiles(catalog: Catalog, decoder: EventDecoder, simulation: Simulation) -> Profiles:
    profiles = Profiles(catalog)
    events = list(records(simulation))
    for start in range(0, len(events), _BATCH):
        keys, values = zip(*events[start : start + _BATCH], strict=True)
        batch = decoder.decode(keys, values, END_US).events
        arrivals = profiles.arrive(batch).arrivals
        profiles.journal.begin(arrivals.touched)
        profiles.add(arrivals)
        profiles.journal.commit()
    return profiles
