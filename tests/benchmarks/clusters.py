"""How good, how stable and how cheap are the clusters? `make bench-clusters`.

Takes the demo's personas and the real events of two shops through features, sample and Learner,
as the job does, for several k, seeds and orders of the users, and compares with scikit-learn's
KMeans(n_init=10) over all final profiles, prepared alike. Prints tables, and last one line of
JSON: `inertia_median` and `inertia_worst` (ratios of the inertia, 1 is equal), `ari_ratio`
(against the true personas), `id_churn` (the share of users whose cluster's id changes when the
model is fitted anew), and what else is told above. How Learner fits anew is with what it has: a
fit from another seed takes over where it is clearly better. What would be if each fit began from
nothing, and only ids were matched, stands beside it in the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import timeit
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final
from zlib import crc32

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from flink_job.demo.events import records
from flink_job.demo.personas import PERSONAS
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from operators.base.arrays import Floats
from operators.base.durations import US_PER_UNIT
from operators.clustering.learning.learner import Learner
from operators.clustering.learning.sample import SampleUpdate
from operators.clustering.learning.settling import inertia_of
from operators.clustering.model import ClusterModel
from operators.clustering.nearest import nearest
from tests.benchmarks.churn import churn
from tests.benchmarks.judging import BATCH, TimedLane
from tests.benchmarks.judging import END_US as JUDGED_END_US
from tests.benchmarks.profile_streams import (
    DAYS,
    END_US,
    Shop,
    Stream,
    demo,
    personas,
    real,
    week,
)
from tests.benchmarks.workloads.shop import shop
from tests.benchmarks.workloads.standard import STANDARD

KS: Final = (4, 6, 8)
USERS: Final = 1_500
REFITS: Final = 10
NEWCOMERS: Final = ("bot", "bargain hunter")
LOOKS: Final = (1_000, 2_500, 5_000, 10_000)  # profiles after the change
SHOPPERS: Final = 20_000
LANES: Final = 8
COST_EVENTS: Final = 400_000

console = Console(stderr=True)


def main() -> None:
    """Print the tables and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    console.print("making the streams of profiles")
    simulation = week(USERS, seed=1)
    streams = [personas(simulation), real("rees46"), real("taobao")]
    ratios = _print_inertia(streams, options.seeds)
    ari = _print_likeness(streams[0], simulation, options.seeds)
    moved = _print_churn(streams[0])
    change = _print_change()
    share, us = _print_cost(streams[0])
    figures = {
        "inertia_median": statistics.median(ratios),
        "inertia_worst": max(ratios),
        "ari_ratio": ari,
        "id_churn": moved,
        "after_change": change,
        "learn_share_of_python": share,  # of the whole job's CPU: `make bench`
        "assign_1000_us": us,
    }
    print(json.dumps({name: round(figure, 4) for name, figure in figures.items()}))


def run(stream: Stream, k: int, seed: int) -> ClusterModel:
    """The last model after a stream: of even seeds in the order of time, else with users mixed."""
    learner = Learner(msgspec.structs.replace(stream.spec, k=k), stream.columns, seed)
    feed(learner, stream.updates if seed % 2 == 0 else stream.shuffled(seed))
    learner.learn(stream.everyone.update)
    model = learner.finish()
    assert model is not None
    return model


def feed(learner: Learner, updates: Iterable[SampleUpdate]) -> None:
    """Learn updates as they come, with every version that is due."""
    for update in updates:
        learner.learn(update)
        learner.publish()


def batch(scaled: Floats, k: int, seed: int) -> KMeans:
    """What scikit-learn makes of the same points."""
    return KMeans(k, n_init=10, random_state=seed).fit(scaled)


def inertia_ratio(model: ClusterModel, points: Floats, k: int, seed: int) -> float:
    """The inertia of raw points by our model over that by scikit-learn's."""
    scaled = model.preparation.scaled(points)
    return inertia_of(scaled, model.centers) / float(batch(scaled, k, seed).inertia_)


def refits(stream: Stream, k: int) -> list[float]:
    """The shares of all users whose cluster's id changes as a model is fitted again and again.

    Nobody does anything in between; each fit is from another seed.
    """
    spec = msgspec.structs.replace(stream.spec, k=k)
    learner = Learner(spec, stream.columns, 0)
    feed(learner, stream.updates)
    points, found = stream.everyone.points, []
    ids = None
    for seed in range(REFITS + 1):
        learner = Learner.from_bytes(learner.to_bytes(), spec, stream.columns, 1_000 * seed)
        learner.learn(stream.everyone.update)
        model = learner.finish()
        assert model is not None
        before, ids = ids, model.ids[model.assign(points).cluster]
        if before is not None:
            found.append(float((before != ids).mean()))
    return found


def likeness(stream: Stream, simulation: Simulation, seeds: int) -> list[tuple[float, float]]:
    """Adjusted Rand indices against the true personas: ours, and scikit-learn's, by seed."""
    persona_of = simulation.personas_of()
    truth = [persona_of[user] for user in stream.everyone.users]
    k = len(set(truth))
    found = []
    for seed in range(seeds):
        model = run(stream, k, seed)
        scaled = model.preparation.scaled(stream.everyone.points)
        ours, theirs = nearest(scaled, model.centers).cluster, batch(scaled, k, seed).labels_
        found.append((adjusted_rand_score(truth, ours), adjusted_rand_score(truth, theirs)))
    return found


def after_a_change(k: int, seed: int) -> list[float]:
    """The ratios of the inertias as profiles come after a change of the personas.

    After a week without two of the personas these come, too, and everyone likes other prices.
    """
    few = tuple(each for each in PERSONAS if each.name not in NEWCOMERS)
    changed = tuple(replace(each, price_level=1 - each.price_level) for each in PERSONAS)
    before = Population(USERS, DAYS, END_US - DAYS * US_PER_UNIT["d"], personas=few)
    after = Population(USERS, DAYS, END_US, personas=changed)
    place = Shop(demo())
    learner = Learner(msgspec.structs.replace(place.spec, k=k), place.columns, seed)
    feed(learner, place.feed(value for _, value in records(simulate(before, seed))))
    model = learner.finish()
    profiles, found = 0, []
    for update in place.feed(value for _, value in records(simulate(after, seed + 1_000))):
        profiles += len(update.at_us) // 8
        learner.learn(update)
        model = learner.publish() or model
        if profiles >= LOOKS[len(found)]:
            assert model is not None
            found.append(inertia_ratio(model, place.everyone().points, k, seed))
            if len(found) == len(LOOKS):
                break
    return found


def cost(events: int) -> tuple[float, float]:
    """Microseconds an event of Learn at full speed, and of all that a job does in Python."""
    first = TimedLane(STANDARD, wall=True, lanes=LANES)
    lanes = [
        first,
        *(
            TimedLane(STANDARD, wall=True, lanes=LANES, learner=first.learner)
            for _ in range(LANES - 1)
        ),
    ]
    given = islice(shop(JUDGED_END_US, events, SHOPPERS), events)
    spent = [0.0, 0.0]
    done = 0
    while chunk := list(islice(given, BATCH * LANES)):
        for number, lane in enumerate(lanes):
            own = [record for record in chunk if crc32(record[0]) % LANES == number]
            lane.feed(own, JUDGED_END_US)
            us, _ = lane.spent(1)
            if done >= events // 4:  # the start is not counted
                spent[0] += us["learn"]
                spent[1] += sum(us.values())
        done += len(chunk)
    counted = events - events // 4
    return spent[0] / counted, spent[1] / counted


def assigning(model: ClusterModel, points: Floats) -> float:
    """Microseconds that 1,000 profiles take to be prepared and find their nearest centers."""
    thousand = np.resize(points, (1_000, points.shape[1]))
    return 1e6 * min(timeit.repeat(lambda: model.assign(thousand), number=20, repeat=20)) / 20


def _print_inertia(streams: Sequence[Stream], seeds: int) -> list[float]:
    table = _table(
        f"inertia over scikit-learn's best of 10, {seeds} seeds and orders",
        *("stream", "users", "k", "median", "worst"),
    )
    found = []
    for stream in streams:
        for k in KS:
            console.print(f"{stream.name}, k = {k}")
            points = stream.everyone.points
            ratios = [inertia_ratio(run(stream, k, seed), points, k, seed) for seed in range(seeds)]
            shown = f"{statistics.median(ratios):.3f}", f"{max(ratios):.3f}"
            table.add_row(stream.name, f"{len(points):,}", str(k), *shown)
            found += ratios
    Console().print(table)
    return found


def _print_likeness(stream: Stream, simulation: Simulation, seeds: int) -> float:
    console.print("against the true personas")
    title = "adjusted Rand index against the personas, by seed"
    table = _table(title, "ours", "scikit-learn's", "ratio")
    pairs = likeness(stream, simulation, seeds)
    for ours, theirs in pairs:
        table.add_row(f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}")
    Console().print(table)
    return min(ours / theirs for ours, theirs in pairs)


def _print_churn(stream: Stream) -> float:
    title = "users whose cluster's id changes from fit to fit, of 10 from other seeds"
    table = _table(
        title, "k", "re-fits, mean", "worst", "from nothing, mean", "worst", "rows as ids"
    )
    found = []
    for k in KS:
        console.print(f"fitting again, k = {k}")
        changed = refits(stream, k)
        scaled = run(stream, k, 0).preparation.scaled(stream.everyone.points)
        bare = churn(scaled, k)
        shares = (statistics.mean(changed), max(changed), bare.mean, bare.worst, bare.rows)
        table.add_row(str(k), *(f"{100 * share:.2f}%" for share in shares))
        found.append(statistics.mean(changed))
    Console().print(table)
    return max(found)


def _print_change() -> float:
    title = "inertia over scikit-learn's, so many profiles after the personas changed"
    table = _table(title, "k", *(f"{profiles:,}" for profiles in LOOKS))
    worst = 0.0
    for k in KS:
        console.print(f"changing personas, k = {k}")
        ratios = after_a_change(k, seed=1)
        table.add_row(str(k), *(f"{ratio:.3f}" for ratio in ratios))
        worst = max(worst, ratios[-1])
    Console().print(table)
    return worst


def _print_cost(stream: Stream) -> tuple[float, float]:
    console.print("what it costs")
    learning, everything = cost(COST_EVENTS)
    us = assigning(run(stream, 8, 0), stream.everyone.points)
    Console().print(
        f"learning takes {learning:.2f} us an event of the {everything:.2f} that Python takes, "
        f"{100 * learning / everything:.1f}%"
    )
    Console().print(f"1,000 profiles are assigned to 8 clusters in {us:.0f} us")
    return learning / everything, us


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in columns:
        table.add_column(column, justify="right")
    return table


if __name__ == "__main__":
    main()
