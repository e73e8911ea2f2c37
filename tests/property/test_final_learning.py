"""The models of the end of a history do not depend on the order in which profiles are gathered."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.base.frame import FeatureColumn, Kind
from operators.clustering.learning import final
from operators.clustering.learning.final import NO_PROFILES, gathered, learned
from operators.clustering.learning.sample import SampleUpdate
from operators.clustering.model import ClusterModel
from operators.clustering.spec import ClusterSpec
from operators.clustering.stored import floats, to_bytes
from tests.effort import examples

COLUMNS = {name: FeatureColumn(name, Kind.NUMBER, identity=name) for name in ("views", "spend")}
SPEC = ClusterSpec(k=2, features=("views", "spend"))
Profile = tuple[int, float, float]  # a ticket, which two users may share, and a point

NUMBERS = st.integers(0, 8).map(float) | st.just(float("nan"))
PROFILES = st.lists(st.tuples(st.integers(0, 30), NUMBERS, NUMBERS), min_size=1, max_size=40)


def update(profiles: list[Profile]) -> SampleUpdate:
    own = np.array([ticket for ticket, *_ in profiles], np.uint32)
    points = np.array([point for _, *point in profiles], np.float64).reshape(-1, 2)
    return SampleUpdate(own.tobytes(), np.full(len(own), 7).tobytes(), to_bytes(points))


def kept(found: SampleUpdate) -> tuple[list[int], list[list[float]]]:
    own = np.frombuffer(found.tickets, np.uint32)
    return own.tolist(), floats(found.points, len(own), 2).tolist()


@given(PROFILES, st.data(), st.integers(1, 12))
@settings(max_examples=examples(100), deadline=None)
def test_profiles_are_gathered_alike_in_any_order(
    profiles: list[Profile], data: st.DataObject, largest: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(final, "LARGEST", largest)
        runs = []
        for _ in range(2):
            order = data.draw(st.permutations(profiles))
            size = data.draw(st.integers(1, len(order)))
            parts = [update(order[at : at + size]) for at in range(0, len(order), size)]
            runs.append(reduce(lambda some, more: gathered(some, more, 2), parts, NO_PROFILES))
    assert runs[0] == runs[1]
    tickets, points = kept(runs[0])
    assert tickets == sorted({ticket for ticket, *_ in profiles})[:largest]
    given_ = {str((ticket, *point)) for ticket, *point in profiles}
    assert {str((ticket, *point)) for ticket, point in zip(tickets, points, strict=True)} <= given_


def test_a_model_is_of_those_who_were_gathered() -> None:
    users = [(at, float(at % 2 * 8), float(at % 2 * 5)) for at in range(60)]
    one, other = (
        learned("habits", gathered(NO_PROFILES, update(order), 2), SPEC, COLUMNS, 1, now_us=5)
        for order in (users, users[::-1])
    )
    assert one == other
    assert one is not None
    assert sorted(each.share for each in ClusterModel.from_bytes(one.model).clusters) == [0.5, 0.5]
    assert learned("habits", NO_PROFILES, SPEC, COLUMNS, 1, now_us=5) is None
