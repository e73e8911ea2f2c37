"""Changing the segments of a plan: which are meant, whether they can be judged, what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from flink_job.control.steering import Standing, Steering
from flink_job.plan import Plan
from operators.base.errors import ConfigError, UsageError, nearest
from operators.base.frame import FeatureColumn
from operators.rules.rulebook import problems
from operators.rules.spec import SegmentSpec


@dataclass(frozen=True)
class SegmentChange:
    """What a version did to one segment: "added", "changed" or "deleted"; at and by, if known."""

    version: int
    at: str | None
    by: str | None
    what: str


def standing_of(plan: Plan) -> Standing:
    """What holds; before the first run, and where nothing can be changed, the configuration.

    Raises:
        PreflightError: Kafka does not answer.
    """
    standing = Steering(plan).standing() if plan.steered else None
    if standing and standing.history:
        return standing
    return Standing([plan.segments()], 0, plan.judged_columns())


def chosen(
    configured: Mapping[str, SegmentSpec],
    held: Mapping[str, SegmentSpec],
    only: Sequence[str] | None,
) -> dict[str, SegmentSpec]:
    """The configuration's segments, or those that are `held` with just some of them.

    Raises:
        UsageError: the configuration has none of such a name.
    """
    if not only:
        return dict(configured)
    check_known(only, configured)
    return {**held, **{name: configured[name] for name in only}}


def changed(
    held: Mapping[str, SegmentSpec],
    names: Sequence[str],
    change: Callable[[SegmentSpec], SegmentSpec | None],
) -> dict[str, SegmentSpec]:
    """What is held, with some segments changed, or without them where `change` gives None.

    Raises:
        UsageError: there is none of such a name.
    """
    check_known(names, held)
    specs = {name: change(spec) if name in names else spec for name, spec in held.items()}
    return {name: spec for name, spec in specs.items() if spec is not None}


def check_known(names: Iterable[str], known: Mapping[str, SegmentSpec]) -> None:
    """See that there are segments of these names.

    Raises:
        UsageError: there is none, and the nearest name.
    """
    for name in names:
        if name not in known:
            hint = nearest(name, list(known)) or f"; there are {', '.join(known) or 'none'}"
            raise UsageError(f"there is no segment '{name}'{hint}")


def check_judged(
    wanted: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn], what: str
) -> None:
    """See that these can be judged, by the features that there are.

    Raises:
        ConfigError: they can't; every mistake, in `what`.
    """
    found = problems(wanted, columns)
    if found:
        raise ConfigError(what, found)


def history_of_segment(name: str, standing: Standing) -> Iterator[SegmentChange]:
    """The versions that changed one segment, oldest first."""
    before: Mapping[str, SegmentSpec] = {}
    for each in filter(standing.can_hold, standing.history):
        was, is_ = before.get(name), each.segments.get(name)
        if was != is_:
            what = "added" if was is None else "deleted" if is_ is None else "changed"
            yield SegmentChange(each.version, each.at, each.by, what)
        before = each.segments


def as_yaml(segments: Mapping[str, SegmentSpec]) -> str:
    """Segments as a configuration has them."""
    plain = {name: _written(spec) for name, spec in segments.items()}
    return str(yaml.safe_dump({"segments": plain}, sort_keys=False, allow_unicode=True)).rstrip()


def _written(spec: SegmentSpec) -> dict[str, Any]:
    """A segment as a person would write it: without what it does not say."""
    return {
        field.encode_name: msgspec.to_builtins(value)
        for field in msgspec.structs.fields(spec)
        if (value := getattr(spec, field.name)) != field.default
    }
