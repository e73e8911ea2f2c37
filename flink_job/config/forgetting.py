"""Whether users are remembered for as long as anything asks for their past, or waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flink_job.config.model import Config
from operators.base.durations import format_duration, parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.catalog import Catalog
from operators.features.kinds.kind import Remembered
from operators.features.kinds.options import unit_us
from operators.features.lifetime import Lifetime
from operators.rules.checking import check, path_of
from operators.rules.satisfiability import never_true
from operators.rules.spec import SegmentSpec
from operators.settings import judged_columns


def problems(config: Config) -> Iterator[Problem]:
    """What is wrong with `run.forget_after` by the rest, whose features have no mistake."""
    after = config.run.forget_after
    if after is None:
        return
    try:
        after_us, (needed_us, what) = (
            parse_duration_us(after),
            max(_needed(config), default=(0, "")),
        )
    except UsageError:
        return  # told where it stands
    if after_us < needed_us:
        expected = f"expected at least {format_duration(needed_us)} ({what})"
        yield Problem("run.forget_after", f"{expected}, found '{after}'")


def doubts(config: Config, segments: Mapping[str, SegmentSpec]) -> Iterator[Problem]:
    """What of these segments can never hold, as users are forgotten before; no mistakes.

    Neither the configuration nor the segments have any.
    """
    lifetime = config.lifetime
    if lifetime is None:
        return
    longest = dict(_longest(config, lifetime))
    for segment in check(segments, judged_columns(config.features, config.clusters))[0]:
        for field, condition in (("when", segment.when), ("leave_when", segment.leave_when)):
            atom = None if condition is None else never_true(condition, longest)
            if atom is not None:
                why = f"users are {lifetime} (run.forget_after)"
                yield Problem(f"{path_of(segment.name)}.{field}", f"{atom} never holds: {why}")


def _longest(config: Config, lifetime: Lifetime) -> Iterator[tuple[str, float]]:
    """How long the lengths of time get, in their units, that forgetting ends."""
    users = Remembered(
        longest_us=lifetime.after_us + lifetime.step_us,
        max_skew_us=config.events.max_skew_us,
        session_ids=config.events.session is not None,
    )
    for name, spec in config.features.items():
        longest_us = spec.kind.ended_us(spec.definition, users)
        if longest_us is not None:
            yield name, longest_us / unit_us(spec.definition)


def _needed(config: Config) -> Iterator[tuple[int, str]]:
    """How far back things look, in microseconds, each with its path."""
    for name, spec in config.features.items():
        for tiling in spec.kind.tilings(spec.definition):
            yield tiling.window_us, f"features.{name}"
        for past_us, option in spec.kind.looks_back(spec.definition):
            yield past_us, f"features.{name}.{option.name}"
    events = config.events
    if events.dedup_within_us is not None:
        yield events.dedup_within_us, "events.dedup_within"
    catalog = Catalog.compile(config.features, session_gap_us=1)
    if config.outcomes is not None or catalog.uses_sessions:
        yield events.session_gap_us, "events.session_gap"
