"""What batches cost, counted and not timed: a loop over users or segments would show at once.

The bounds are a fifth above what was counted when they were set. Lower them when something gets
cheaper; raise them only for what is worth it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import pytest

from operators.base.durations import US_PER_UNIT
from tests.benchmarks.lanes import Lane
from tests.benchmarks.waking import judgements
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.shop import shop
from tests.benchmarks.workloads.standard import STANDARD
from tests.benchmarks.workloads.workload import Workload

END_US: Final = 1_790_000_000_000_000
BATCH: Final = 500
WARM: Final = 6  # batches before: users are known, models are there
COUNTED: Final = 4
USERS: Final = 60

_NUMPY: Final = str(Path(np.__file__).parent)


@dataclass
class Calls:
    """Calls of functions written in Python, and of numpy: its functions, and methods of arrays.

    Operators of arrays, such as `+`, are no calls.
    """

    python: int = 0
    numpy: int = 0

    def note(self, frame: FrameType, event: str, called: Any) -> None:
        """As `sys.setprofile` tells of it."""
        if event == "call":
            self.python += 1
            self.numpy += frame.f_code.co_filename.startswith(_NUMPY)
        elif event == "c_call":
            own = isinstance(getattr(called, "__self__", None), np.ndarray | np.generic)
            self.numpy += own or str(getattr(called, "__module__", "")).startswith("numpy")


@contextmanager
def counted() -> Iterator[Calls]:
    calls = Calls()
    before = sys.getprofile()
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@dataclass(frozen=True)
class Cost:
    """Of a batch, but judgements: those are of an event."""

    python: float
    numpy: float
    state: float
    judgements: float


def cost(workload: Workload, *, wall: bool) -> Cost:
    """The mean of some batches of a lane's events."""
    given = list(shop(END_US, BATCH * (WARM + COUNTED), USERS))
    lane = Lane(workload, wall=wall)
    batches = [given[at : at + BATCH] for at in range(0, len(given), BATCH)]
    for batch in batches[:WARM]:
        lane.feed(batch, END_US)
    judged, state = lane.judged, lane.state_operations
    with counted() as calls:
        for batch in batches[WARM:]:
            lane.feed(batch, END_US)
    return Cost(
        calls.python / COUNTED,
        calls.numpy / COUNTED,
        (lane.state_operations - state) / COUNTED,
        (lane.judged - judged) / COUNTED / BATCH,
    )


@pytest.mark.parametrize(
    ("workload", "wall", "most"),
    [
        (STANDARD, True, Cost(1_700, 970, 2, 0.06)),
        (STANDARD, False, Cost(35_000, 22_000, 2, 0.62)),
        (RICH, True, Cost(5_200, 2_600, 2, 0.06)),
        (RICH, False, Cost(145_000, 108_000, 2, 1)),
    ],
    ids=["standard, live", "standard, replay", "rich, live", "rich, replay"],
)
def test_a_batch_costs_no_more_than_it_did(workload: Workload, wall: bool, most: Cost) -> None:
    found = cost(workload, wall=wall)
    assert found.python <= most.python, found
    assert found.numpy <= most.numpy, found
    assert found.state <= most.state, found
    assert found.judgements <= most.judgements, found


def test_who_is_idle_is_judged_no_more_often_than_before() -> None:
    given = shop(END_US, 300, 3)
    found = judgements(RICH, given, US_PER_UNIT["d"] // 4, look_us=US_PER_UNIT["m"])
    assert found.per_event() <= 2.1, found
