"""From the features of a configuration to those that keep their state to themselves."""

from __future__ import annotations

from collections.abc import Iterator

from operators.base.durations import parse_duration_us
from operators.features.choice import Chosen
from operators.features.derived import part_names
from operators.features.distinct import Level
from operators.features.ends import FIRST, NEWEST, EndValue, Property, Since, SinceChange
from operators.features.feature import Feature
from operators.features.frequent import MOST_VALUES, MostFrequent
from operators.features.funnels import Funnel, FunnelTime
from operators.features.local import LocalTime
from operators.features.parts import COUNTS, span_of, window
from operators.features.percentiles import Percentile
from operators.features.spec import SESSION, UTC, FeatureSpec
from operators.features.unique import VALUES_BY_DEFAULT, UniqueList
from operators.features.visits import COLUMNS, BounceRate, Duration, ReturnedAfter
from operators.features.windows import Window


def alone(
    name: str, spec: FeatureSpec, chosen: Chosen, session_gap_us: int
) -> Iterator[tuple[str, Feature]]:
    """A feature, or a part of one, with its name; nothing of what shares windows with others."""
    state = f"{spec.kind}.{name}"
    if spec.kind == "rate":
        yield part_names(name, spec)[-1], Since(state, chosen.types, FIRST)
    if spec.kind == "distinct":
        yield part_names(name, spec)[-1], Level(state)
    feature = (
        _of_one_event(state, spec, chosen)
        or _of_values(state, spec, chosen, session_gap_us)
        or _of_several(state, spec, chosen, session_gap_us)
        or _of_session(spec, session_gap_us)
    )
    if feature is not None:
        yield name, feature


def _of_one_event(state: str, spec: FeatureSpec, chosen: Chosen) -> Feature | None:
    types, end = chosen.types, FIRST if spec.kind in ("first", "since_first") else NEWEST
    read = Property(str(spec.reads), spec.reads_number)
    match spec.kind:
        case "since" | "since_first":
            return Since(state, types, end, None if spec.has is None else read)
        case "since_change":
            return SinceChange(state, types, read)
        case "last" | "first":
            return EndValue(state, types, read, end, spec.default)
        case "hour" | "weekday":
            return LocalTime(Since(state, types, NEWEST), spec.kind, spec.zone or UTC)
    return None


def _of_values(
    state: str, spec: FeatureSpec, chosen: Chosen, session_gap_us: int
) -> Feature | None:
    types, reads = chosen.types, str(spec.reads)
    match spec.kind:
        case "most_frequent":
            counts = _counts(state, spec, MOST_VALUES, session_gap_us)
            return MostFrequent(state, types, reads, counts)
        case "unique_list":
            most = spec.most or VALUES_BY_DEFAULT
            gap_us = session_gap_us if spec.window == SESSION else None
            return UniqueList(state, types, reads, most, spec.tiling(), gap_us)
        case "median" | "percentile":
            share = 0.5 if spec.at is None else spec.at / 100
            return Percentile(state, types, reads, share, spec.tiling())
    return None


def _of_several(
    state: str, spec: FeatureSpec, chosen: Chosen, session_gap_us: int
) -> Feature | None:
    match spec.kind:
        case "bounce_rate":
            return BounceRate(state, _counts(state, spec, COLUMNS, session_gap_us))
        case "funnel":
            return _funnel(state, spec, chosen)
        case "funnel_time":
            return FunnelTime(_funnel(state, spec, chosen), spec.unit_us)
    return None


def _of_session(spec: FeatureSpec, session_gap_us: int) -> Feature | None:
    match spec.kind:
        case "duration":
            return Duration(session_gap_us, spec.unit_us)
        case "returned_after":
            return ReturnedAfter(spec.unit_us)
    return None


def _counts(state: str, spec: FeatureSpec, columns: int, session_gap_us: int) -> Window:
    return window(f"{state}.counts", span_of(spec), COUNTS, columns, session_gap_us)


def _funnel(state: str, spec: FeatureSpec, chosen: Chosen) -> Funnel:
    return Funnel(state, chosen.steps, parse_duration_us(str(spec.within)))
