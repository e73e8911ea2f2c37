"""Several cluster models side by side on a mini-cluster, and conditions that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.flink.harness import config_of, run_job, write_events
from tests.flink.shoppers import shoppers

pytestmark = pytest.mark.flink

FEATURES: Final[dict[str, Any]] = {
    "views": {"count": "view", "window": "lifetime"},
    "carts": {"count": "cart", "window": "lifetime"},
    "spend": {"sum": "price", "of": "purchase", "window": "lifetime"},
    "shop": {"last": "shop", "one_hot": ["a", "b", "c"]},
}
CLUSTERS: Final[dict[str, Any]] = {
    "habits": {"k": 3, "features": ["views", "carts", "shop"], "warm_start": 20},
    # Has no version before the end, by which everyone is judged there.
    "money": {"k": 2, "features": ["spend"], "warm_start": 5_000},
}
IDS: Final = range(30)  # a model that begins with few users may have some that last not long
SEGMENTS: Final = {
    **{f"first {id_}": {"when": f"cluster = {id_}"} for id_ in IDS},
    **{f"{name} {id_}": {"when": f"cluster_{name} = {id_}"} for name in CLUSTERS for id_ in IDS},
}


@pytest.mark.parametrize("parallelism", [1, 2])
def test_users_are_in_a_cluster_of_each_model(tmp_path: Path, parallelism: int) -> None:
    events = shoppers(seed=7, users=80, count=3_000, back_s=0)
    write_events(tmp_path / "events.jsonl", events)
    run_spec = {"state": "state", "lanes": 4, "parallelism": parallelism}
    run = run_job(tmp_path, config_of(FEATURES, SEGMENTS, clusters=CLUSTERS, run=run_spec))
    found = run.assignments()
    assert set(found) == {event.user for event in events}
    for user in found.values():
        ids = {name: own.cluster for name, own in user.clusters.items()}
        assert set(ids) == set(CLUSTERS)
        assert user.cluster == ids["habits"]
        assert user.clusters["money"].model == 1
        expected = {f"{name} {id_}" for name, id_ in ids.items()}
        assert set(user.segments) == {f"first {user.cluster}", *expected}
        for name, own in user.clusters.items():
            assert 0 < own.share <= 1
            assert own.margin is not None
            assert {text.split()[0] for text in own.why} <= set(CLUSTERS[name]["features"])
    told = [why for user in found.values() for own in user.clusters.values() for why in own.why]
    assert len(told) > len(found)
    for name, spec in CLUSTERS.items():
        used = {user.clusters[name].cluster for user in found.values()}
        assert 1 < len(used) <= spec["k"]
