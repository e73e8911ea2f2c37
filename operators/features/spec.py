"""Features as people write them in the configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from operators.features.kinds.definition import Definition, Option
from operators.features.kinds.kind import FeatureKind
from operators.features.kinds.registry import FEATURE_KINDS, OPTIONS

DECLARED: Final = {**{name: kind.value for name, kind in FEATURE_KINDS.items()}, **OPTIONS}
# What savepoints and running jobs know a feature by is made of these names in this order, null
# where there is no value. A name that comes later is left out where it has none, so that what was
# there before it is still the same feature: leave this list as it is.
_NULL_IF_MISSING: Final = (
    *("count", "sum", "mean", "min", "max", "median", "percentile", "last", "first", "since"),
    *("since_first", "since_change", "hour", "weekday", "distinct", "most_frequent"),
    *("unique_list", "decayed_count", "decayed_sum", "rate", "unmatched", "funnel"),
    *("funnel_time", "duration", "sessions", "returned_after", "per_session", "bounce_rate"),
    *("of", "by", "same", "has", "at", "most", "where", "window", "baseline", "tile"),
    *("half_life", "within", "unit", "zone", "one_hot", "type", "default"),
)


def struct_fields(declared: Mapping[str, Option[Any]]) -> list[tuple[str, Any, Any]]:
    """The fields of a struct that has values for what is declared: names, types and defaults."""
    later = [name for name in declared if name not in _NULL_IF_MISSING]
    return [
        *((name, declared[name].type | None, None) for name in _NULL_IF_MISSING),
        *((name, declared[name].type | None | UnsetType, UNSET) for name in later),
    ]


_FIELDS: Final = struct_fields(DECLARED)
_MISSING: Final = {name: missing for name, _, missing in _FIELDS}
# Every name that a feature may have a value for, kinds and options, in the order of the struct.
FIELDS: Final = {name: DECLARED[name] for name in _MISSING}

if TYPE_CHECKING:
    _Fields = msgspec.Struct
else:
    _Fields = msgspec.defstruct("_Fields", _FIELDS, frozen=True)


class FeatureSpec(_Fields, frozen=True, forbid_unknown_fields=True):
    """One feature: exactly one kind, and what that kind takes.

    The fields are what the kinds declare, so that a kind is one thing in one place and YAML is
    decoded, and its mistakes are told, as for any other struct. The price is that mypy knows no
    field; nobody reads one by its name, as kinds ask a `Definition` for options, which are typed.
    """

    @property
    def given(self) -> dict[str, Any]:
        """The values that are given, by the names of kinds and options."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {name: x for name, x in values.items() if x is not None and x is not UNSET}

    @property
    def kinds(self) -> list[FeatureKind]:
        """The kinds that are given; there should be one."""
        given = self.given
        return [kind for name, kind in FEATURE_KINDS.items() if name in given]

    @property
    def kind(self) -> FeatureKind:
        """The kind, of a spec in which `checks.problems` finds none."""
        return self.kinds[0]

    @property
    def definition(self) -> Definition:
        """What the kind reads, of a spec with one kind."""
        return self.kind.define(self.given)

    def without(self, names: Collection[str]) -> FeatureSpec:
        """The same, but for some options."""
        return msgspec.structs.replace(self, **{name: _MISSING[name] for name in names})
