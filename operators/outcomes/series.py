"""Series: what a segment is measured by goes on for as long as its definition stays the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from sqlglot import exp

from operators.base.errors import UsageError
from operators.clustering.spec import ClusterSpec
from operators.features.spec import FeatureSpec
from operators.outcomes.spec import OutcomesSpec
from operators.rules.grammar import read
from operators.rules.spec import RETIRED, SegmentSpec

NOT_MEASURED: Final = ""  # the series of what was deleted and has members yet
_DIGITS: Final = 8


@dataclass(frozen=True)
class Series:
    """The series of a configuration's segments and clusters.

    All are others where something else is measured.
    """

    features: Mapping[str, FeatureSpec]
    models: Mapping[str, ClusterSpec]
    outcomes: OutcomesSpec

    def of_segments(self, segments: Mapping[str, SegmentSpec]) -> dict[str, str]:
        """The series of each segment: another one if it, or what its conditions ask for, changes.

        That are features, cluster models and other segments, and so on.
        """
        found: dict[str, str] = {}
        for name in segments:
            self._find(name, segments, found)
        return found

    def of_clusters(self, model: str) -> str:
        """The series of a model's clusters: another one if it looks at other features."""
        return self._digest((model, self.models[model].features))

    def _find(self, name: str, segments: Mapping[str, SegmentSpec], found: dict[str, str]) -> str:
        if name in found:
            return found[name]
        spec = segments[name]
        if spec is RETIRED:
            return found.setdefault(name, NOT_MEASURED)
        found[name] = ""  # while it is asked for: one may ask for itself
        asked = sorted(_asked(spec))
        meant = msgspec.structs.replace(spec, description=None, owner=None, paused=False)
        others = [self._find(x, segments, found) for x in asked if x in segments]
        models = list(self.models.items()) if any("cluster" in x for x in asked) else []
        features = [(x, self.features[x]) for x in asked if x in self.features]
        found[name] = self._digest((meant, features, models, others))
        return found[name]

    def _digest(self, told: object) -> str:
        measured = (self.outcomes.named, self.outcomes.page, self.outcomes.funnel)
        whole = (told, measured, self.outcomes.cohorts, self.outcomes.strata)
        return sha256(msgspec.json.encode(whole, order="deterministic")).hexdigest()[:_DIGITS]


def _asked(spec: SegmentSpec) -> set[str]:
    """The names that conditions have, and the texts, among which are names of segments."""
    found: set[str] = set()
    for text in (spec.when, spec.leave_when):
        if text is None:
            continue
        try:
            tree = read(text)
        except UsageError:
            continue  # told where it stands
        found.update(column.name for column in tree.find_all(exp.Column))
        found.update(str(x.this) for x in tree.find_all(exp.Literal) if x.is_string)
    return found
