"""From the features of a configuration to what computes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import nan
from typing import Final

import msgspec

from operators.base.frame import FeatureColumn, Kind
from operators.features.alone import alone
from operators.features.choice import Chosen
from operators.features.derived import Derived, derived, part_names
from operators.features.feature import Feature
from operators.features.parts import SharedWindow, parts, shared_windows
from operators.features.spec import (
    AGING,
    CATEGORIES,
    COUNTING,
    OF_SESSIONS,
    OF_THINGS,
    SESSION,
    FeatureSpec,
)
from operators.features.tiling import Tiling

# What an option says of how state is shown, and nothing of what is in it.
_SHOWN: Final = ("unit", "zone", "one_hot", "default", "at")
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
    identities: Mapping[str, str]  # of features and parts: equal where state means the same

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
            columns={name: _column(name, spec, session_gap_us) for name, spec in features.items()},
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
            uses_sessions=any(_by_session(spec) for spec in features.values()),
            identities={
                part: _identity(part, spec, session_gap_us, _SHOWN)
                for name, spec in features.items()
                for part in (name, *part_names(name, spec))
            },
        )


def _identity(name: str, spec: FeatureSpec, session_gap_us: int, but: Collection[str]) -> str:
    """A feature by its name and definition, but for some options.

    One that is defined anew is another feature.
    """
    kept = msgspec.structs.replace(spec, **dict.fromkeys(but))
    gap_us = session_gap_us if _by_session(spec) else None
    definition = msgspec.json.encode((kept, gap_us))
    return f"{name} {sha256(definition).hexdigest()[:16]}"


def _by_session(spec: FeatureSpec) -> bool:
    return spec.kind in OF_SESSIONS or spec.window == SESSION


def _column(name: str, spec: FeatureSpec, session_gap_us: int) -> FeatureColumn:
    aging = spec.kind in AGING
    shown = ("one_hot", "unit") if aging else ("one_hot",)
    identity = _identity(name, spec, session_gap_us, shown)
    if aging:
        return FeatureColumn(name, Kind.AGE, unit_us=spec.unit_us, identity=identity)
    if spec.kind == "unique_list":
        return FeatureColumn(name, Kind.LIST, identity=identity)
    if spec.kind in CATEGORIES and not spec.reads_number:
        categories = tuple(spec.one_hot or ())
        return FeatureColumn(name, Kind.CATEGORY, categories=categories, identity=identity)
    empty = 0.0 if spec.kind in COUNTING else spec.default
    empty = empty if isinstance(empty, float) else nan
    counts = spec.kind in OF_THINGS
    return FeatureColumn(name, Kind.NUMBER, empty=empty, counts=counts, identity=identity)
