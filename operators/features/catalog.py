"""From the features of a configuration to what computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from operators.features.alone import alone
from operators.features.choice import Chosen
from operators.features.derived import Derived, derived
from operators.features.feature import Feature
from operators.features.parts import SharedWindow, parts, shared_windows
from operators.features.spec import OF_SESSIONS, SESSION, FeatureSpec
from operators.features.tiling import Tiling
from operators.frame import FeatureColumn, Kind

_LATE_BY_DEFAULT: Final = Tiling.cut("1d", "1h")  # where no feature has a window of a duration


@dataclass(frozen=True)
class Catalog:
    """All features of a configuration, ready to be computed.

    `columns` are what rules and clusters see, in the order of the configuration. Each is in
    one of `windows`, in `alone`, or in `derived`; the parts of these, which have names of their
    own, are in the first two. `retained` is the longest window: an event older than it, by its
    user's newest one, is late.
    """

    columns: Mapping[str, FeatureColumn]
    event_types: tuple[str, ...]
    numbers: frozenset[str]
    texts: frozenset[str]
    windows: tuple[SharedWindow, ...]
    alone: Mapping[str, Feature]
    derived: Mapping[str, Derived]
    retained: Tiling
    session_gap_us: int
    uses_sessions: bool
    meaning: str  # equal where the state of one is good for the other

    @classmethod
    def compile(cls, features: Mapping[str, FeatureSpec], session_gap_us: int) -> Catalog:
        """Compile features in which `checks.problems` finds none."""
        types = tuple(sorted({name for spec in features.values() for name in spec.known_types}))
        chosen = {name: Chosen.of(spec, types) for name, spec in features.items()}
        reads = [(spec.reads, spec.reads_number) for spec in features.values() if spec.reads]
        filters = [each.types.where for each in chosen.values() if each.types.where is not None]
        tilings = [tiling for spec in features.values() for tiling in spec.tilings()]
        in_windows = [
            part for name, spec in features.items() for part in parts(name, spec, chosen[name])
        ]
        return cls(
            columns={name: _column(name, spec) for name, spec in features.items()},
            event_types=types,
            numbers=frozenset(name for name, number in reads if number).union(
                *(where.numbers for where in filters)
            ),
            texts=frozenset(name for name, number in reads if not number).union(
                *(where.texts for where in filters)
            ),
            windows=tuple(shared_windows(in_windows, session_gap_us)),
            alone={
                own: feature
                for name, spec in features.items()
                for own, feature in alone(name, spec, chosen[name], session_gap_us)
            },
            derived={
                name: made
                for name, spec in features.items()
                if (made := derived(name, spec)) is not None
            },
            retained=max(tilings, key=lambda tiling: tiling.window_us, default=_LATE_BY_DEFAULT),
            session_gap_us=session_gap_us,
            uses_sessions=any(
                spec.kind in OF_SESSIONS or spec.window == SESSION for spec in features.values()
            ),
            meaning=msgspec.json.encode((features, session_gap_us)).decode(),
        )


def _column(name: str, spec: FeatureSpec) -> FeatureColumn:
    match spec.kind:
        case "since" | "since_first":
            return FeatureColumn(name, Kind.AGE, unit_us=spec.unit_us)
        case "last" | "first" | "most_frequent" if not spec.reads_number:
            return FeatureColumn(name, Kind.CATEGORY, categories=tuple(spec.one_hot or ()))
        case _:
            return FeatureColumn(name, Kind.NUMBER)
