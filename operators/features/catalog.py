"""From the features of a configuration to what computes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from operators.base.frame import FeatureColumn, Kind
from operators.features.asked import NOTHING_BESIDE, ReadBeside
from operators.features.derived import Derived
from operators.features.feature import StatefulFeature, TakesTraits
from operators.features.kinds.kind import Compilation
from operators.features.kinds.options import ONE_HOT, UNIT, unit_us
from operators.features.kinds.window_options import window_text
from operators.features.shared_windows import SharedWindow, shared_windows
from operators.features.spec import FeatureSpec
from operators.features.tiling import Tiling
from operators.features.windows import LIFETIME, SESSION

_LATE_BY_DEFAULT: Final = Tiling.cut("1d", "1h")  # where no feature has a window of a duration


@dataclass(frozen=True)
class Catalog:
    """All features of a configuration, ready to be computed.

    `columns` are what rules and clusters see, in the order of the configuration. Each is in
    one of `windows`, in `alone`, or in `derived`; the parts of these, which have names of their
    own, are in the first two. `retained` is the longest window of a duration: an event older than
    it, by its user's newest one, is late. With `endless` a window is a lifetime, or none ends, so
    that no event is too old to count. Those in `by_session` depend on sessions,
    which are carried on where anything does.
    """

    columns: Mapping[str, FeatureColumn]
    event_types: tuple[str, ...]
    numbers: frozenset[str]
    texts: frozenset[str]
    windows: tuple[SharedWindow, ...]
    alone: Mapping[str, StatefulFeature]
    derived: Mapping[str, Derived]
    retained: Tiling
    endless: bool
    session_gap_us: int
    by_session: frozenset[str]
    uses_sessions: bool
    identities: Mapping[str, str]  # of features and parts: equal where state means the same

    @property
    def of_traits(self) -> tuple[TakesTraits, ...]:
        """The features that a roster tells something of."""
        return tuple(each for each in self.alone.values() if isinstance(each, TakesTraits))

    @property
    def traits(self) -> tuple[frozenset[str], frozenset[str]]:
        """The traits that these read as numbers, and those that they read as texts."""
        read = [each.traits for each in self.of_traits]
        none = frozenset[str]()
        return none.union(*(numbers for numbers, _ in read)), none.union(*(x for _, x in read))

    @classmethod
    def compile(
        cls,
        features: Mapping[str, FeatureSpec],
        session_gap_us: int,
        beside: ReadBeside = NOTHING_BESIDE,
    ) -> Catalog:
        """Compile features in which `checks.problems` finds none.

        What else is read of events, `beside` them, is decoded, too, and sessions are carried on.
        """
        defined = {name: (spec.kind, spec.definition) for name, spec in features.items()}
        known = {each for _, x in defined.values() for each in x.known_types}
        types = tuple(sorted(known.union(beside.types)))
        sources = {
            name: Compilation.of(name, kind, definition, types, session_gap_us)
            for name, (kind, definition) in defined.items()
        }
        compiled = {name: source.kind.compile(source) for name, source in sources.items()}
        reads = [x.reads for x in sources.values() if x.reads is not None]
        filters = [x.events.where for x in sources.values() if x.events.where is not None]
        tilings = [tiling for kind, x in defined.values() for tiling in kind.tilings(x)]
        parts = [part for x in compiled.values() for part in x.parts]
        derived = {name: x.derived for name, x in compiled.items() if x.derived is not None}
        return cls(
            columns={name: _column(source, features[name]) for name, source in sources.items()},
            event_types=types,
            numbers=frozenset(read.name for read in reads if read.number).union(
                beside.numbers, *(where.numbers for where in filters)
            ),
            texts=frozenset(read.name for read in reads if not read.number).union(
                beside.texts, *(where.texts for where in filters)
            ),
            windows=tuple(shared_windows(parts, session_gap_us)),
            alone={own: feature for x in compiled.values() for own, feature in x.own.items()},
            derived=derived,
            retained=max(tilings, key=lambda tiling: tiling.window_us, default=_LATE_BY_DEFAULT),
            endless=not tilings or any(window_text(x) == LIFETIME for _, x in defined.values()),
            session_gap_us=session_gap_us,
            by_session=frozenset(name for name, x in sources.items() if _by_session(x)),
            uses_sessions=beside.sessions or any(map(_by_session, sources.values())),
            identities={
                part: _identity(part, source, features[name], _shown(source))
                for name, source in sources.items()
                for part in (name, *(derived[name].parts if name in derived else ()))
            },
        )


def _identity(name: str, source: Compilation, spec: FeatureSpec, but: Collection[str]) -> str:
    """A feature by its name and definition, but for some options.

    One that is defined anew is another feature.
    """
    gap_us = source.session_gap_us if _by_session(source) else None
    definition = msgspec.json.encode((spec.without(but), gap_us))
    return f"{name} {sha256(definition).hexdigest()[:16]}"


def _shown(source: Compilation) -> list[str]:
    """The options that say how state is shown, and nothing of what is in it."""
    return [option.name for option in source.kind.options if option.shown]


def _by_session(source: Compilation) -> bool:
    return source.kind.of_sessions or window_text(source.definition) == SESSION


def _column(source: Compilation, spec: FeatureSpec) -> FeatureColumn:
    name, kind, feature = source.name, source.kind, source.definition
    aging = kind.presents is Kind.AGE
    shown = (ONE_HOT.name, UNIT.name) if aging else (ONE_HOT.name,)
    identity = _identity(name, source, spec, shown)
    if aging:
        return FeatureColumn(name, Kind.AGE, unit_us=unit_us(feature), identity=identity)
    if kind.presents is Kind.CATEGORY and not (source.reads and source.reads.number):
        categories = tuple(feature.get(ONE_HOT) or ())
        return FeatureColumn(name, Kind.CATEGORY, categories=categories, identity=identity)
    if kind.presents is Kind.LIST:
        return FeatureColumn(name, Kind.LIST, identity=identity)
    empty = kind.empty(feature)
    return FeatureColumn(name, Kind.NUMBER, empty=empty, counts=kind.counts, identity=identity)
