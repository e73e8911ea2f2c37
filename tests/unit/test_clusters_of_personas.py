"""The benchmark of the clusters in short: few shoppers, one seed of each order, what must hold."""

from __future__ import annotations

import statistics

import pytest

from flink_job.demo.simulation import Simulation
from tests.benchmarks.clusters import KS, inertia_ratio, likeness, refits, run
from tests.benchmarks.profile_streams import Stream, personas, week


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return week(300, seed=5)


@pytest.fixture(scope="module")
def stream(simulation: Simulation) -> Stream:
    return personas(simulation)


@pytest.mark.parametrize("k", KS)
def test_the_inertia_is_that_of_a_batch_clustering(stream: Stream, k: int) -> None:
    points = stream.everyone.points
    ratios = [inertia_ratio(run(stream, k, seed), points, k, seed) for seed in (0, 1)]
    assert max(ratios) < 1.10


def test_the_personas_are_found_as_by_a_batch_clustering(
    stream: Stream, simulation: Simulation
) -> None:
    ((ours, theirs),) = likeness(stream, simulation, seeds=1)
    assert ours >= 0.9 * theirs


def test_hardly_anybody_changes_clusters_when_a_model_is_fitted_again(stream: Stream) -> None:
    assert statistics.mean(refits(stream, 6)) < 0.02
