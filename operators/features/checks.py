"""What is wrong with the features of a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from operators.base.errors import Problem
from operators.features.kinds.kind import FeatureKind
from operators.features.kinds.registry import FEATURE_KINDS
from operators.features.spec import FIELDS, FeatureSpec

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED: Final = frozenset({"cluster", "user", "version"})


def problems(features: Mapping[str, FeatureSpec]) -> Iterator[Problem]:
    """Every mistake in the features of a configuration."""
    for name, spec in features.items():
        path = f"features.{name}"
        if not _NAME.fullmatch(name):
            yield Problem(path, "expected a name of letters, digits and _, up to 100 of them")
        if name in _RESERVED:
            yield Problem(path, f"'{name}' is taken: it names a column of every assignment")
        kinds = spec.kinds
        if len(kinds) == 1:
            yield from _problems_of_kind(path, kinds[0], spec)
        else:
            found = f"found {' and '.join(x.name for x in kinds)}" if kinds else "found none"
            yield Problem(path, f"expected one of {', '.join(FEATURE_KINDS)}, {found}")


def _problems_of_kind(path: str, kind: FeatureKind, spec: FeatureSpec) -> Iterator[Problem]:
    feature, taken = spec.definition, {option.name: option for option in kind.options}
    allowed = sorted(option.name for option in kind.takes)
    for name in sorted(feature.given.keys() - taken):
        yield Problem(f"{path}.{name}", f"'{kind.name}' takes {', '.join(allowed)}; not '{name}'")
    for name, option in FIELDS.items():
        if name in taken or name in feature.given:
            option_of_kind = taken.get(name, option)
            yield from option_of_kind.problems(f"{path}.{name}", feature.given.get(name), feature)
