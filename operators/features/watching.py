"""How the features of a configuration are watched by the rules that ask for them."""

from __future__ import annotations

import numpy as np

from operators.base.arrays import Floats, Mask
from operators.features.catalog import Catalog
from operators.features.shared_windows import SharedWindow
from operators.features.watch import ANY, ValueWatch
from operators.rules.watched import Watched, WatchedClock


class Watching:
    """By name, how each feature, or part of one, is watched. Without rules any change counts.

    A feature that is made of parts is not solved as a whole: any change of a part may count.
    What decides beside features is looked at `lead_us` before it does.
    """

    def __init__(self, catalog: Catalog, watched: Watched | None = None, lead_us: int = 0) -> None:
        columns = catalog.columns
        if watched is None:
            self._watches = dict.fromkeys(columns, ANY)
        else:
            edges = {
                name: ValueWatch.of(of) for name, of in watched.edges.items() if name in columns
            }
            self._watches = edges | {name: ANY for name in watched.whole if name in columns}
        made = catalog.derived.items()
        parts = (part for name, each in made if name in self._watches for part in each.parts)
        self._watches |= dict.fromkeys(parts, ANY)
        self.sessions = not catalog.by_session.isdisjoint(self._watches)
        self._own = [(at, self._watches[x]) for at, x in enumerate(columns) if x in self._watches]
        # When something else than a feature decides: an age that passes a number, a date.
        self.clock = None if watched is None else WatchedClock(watched, lead_us)

    def __contains__(self, name: str) -> bool:
        return name in self._watches

    def tells_apart(self, some: Floats, others: Floats) -> Mask:
        """Whom rules can tell apart by their features, float64[features, n]: bool[n]."""
        differ = np.zeros(some.shape[1], np.bool_)
        for at, watch in self._own:
            differ |= watch.tells_apart(_infinite(some[at]), _infinite(others[at]))
        return differ

    def of(self, shared: SharedWindow) -> tuple[ValueWatch | None, ...] | None:
        """How each column of a window is watched, None where it is not; None without rules."""
        if self.clock is None:
            return None
        return tuple(self._watches.get(member.name) for member in shared.members)


def _infinite(values: Floats) -> Floats:
    """What is null as a `ValueWatch` has it."""
    return np.where(np.isnan(values), np.inf, values)
