"""`rate`: how many times as often as usual something happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from operators.base.arrays import NEVER, Floats, Moments
from operators.base.errors import Problem, UsageError
from operators.features.accumulators import EventCount
from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import Compilation, Compiled, FeatureKind
from operators.features.kinds.options import WHERE, EventTypes
from operators.features.kinds.since import Since
from operators.features.kinds.which_event import FIRST_EVENT
from operators.features.kinds.window_options import DURATION, tiling, window_tilings
from operators.features.shared_windows import COUNTS, WindowPart
from operators.features.tiling import Tiling


@dataclass(frozen=True)
class Rate:
    """How many times as often as usual: events a time in a window by those in a baseline.

    The parts are the counts of both, and the moment of the first event. Not known before that
    lies a whole baseline back, nor where the baseline is empty.
    """

    parts: tuple[str, str, str]
    window_us: int
    baseline_us: int

    def of(self, parts: Floats, now_us: Moments) -> tuple[Floats, Moments | None]:
        recent, usual, first_us = parts
        known_us = first_us + self.baseline_us  # NaN where there was no event
        known = (now_us >= known_us) & (usual > 0)
        rates = recent / np.where(known, usual, np.nan) * (self.baseline_us / self.window_us)
        waiting = now_us < known_us
        change_us = np.full(len(now_us), NEVER)
        change_us[waiting] = known_us[waiting].astype(np.int64)
        return rates, change_us


@dataclass(frozen=True)
class BaselineLength(Option[str]):
    """A duration that is longer than the window."""

    type: Any = str

    def problems_of_value(self, path: str, value: str, feature: Definition) -> Iterator[Problem]:
        try:
            window = tiling(feature)
        except UsageError:
            return  # told where it stands
        if window is None:
            return
        try:
            longer = Tiling.cut(value, None).window_us > window.window_us
        except UsageError as error:
            yield Problem(path, str(error))
            return
        if not longer:
            expected = "expected a duration longer than the window, which it is compared with"
            yield Problem(path, f"{expected}, found '{value}'")


BASELINE: Final = BaselineLength("baseline", missing="expected a duration such as 7d")


def _tilings(feature: Definition) -> Iterator[Tiling]:
    yield from window_tilings(feature)
    yield Tiling.cut(feature.get(BASELINE) or "", None)


def _rate(feature: Compilation) -> Compiled:
    window, baseline = _tilings(feature.definition)
    recent, usual, first = map(feature.part, ("recent", "usual", "first"))
    return Compiled(
        parts=tuple(
            WindowPart(name, span, EventCount(feature.events), COUNTS)
            for name, span in ((recent, window), (usual, baseline))
        ),
        own={first: Since(feature.state, feature.events, FIRST_EVENT)},
        derived=Rate((recent, usual, first), window.window_us, baseline.window_us),
    )


KINDS: Final = (
    FeatureKind(
        EventTypes("rate"), takes=(WHERE, DURATION, BASELINE), tilings=_tilings, compile=_rate
    ),
)
