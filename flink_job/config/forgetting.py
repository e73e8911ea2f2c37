"""Whether users are remembered for as long as anything asks for their past."""

from __future__ import annotations

from collections.abc import Iterator

from flink_job.config.model import Config
from operators.durations import format_duration, parse_duration_us
from operators.errors import Problem, UsageError
from operators.features.catalog import Catalog


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


def _needed(config: Config) -> Iterator[tuple[int, str]]:
    """How far back things look, in microseconds, each with its path."""
    for name, spec in config.features.items():
        for tiling in spec.tilings():
            yield tiling.window_us, f"features.{name}"
        if spec.within is not None:
            yield parse_duration_us(spec.within), f"features.{name}.within"
    events = config.events
    if events.dedup_within_us is not None:
        yield events.dedup_within_us, "events.dedup_within"
    if Catalog.compile(config.features, session_gap_us=1).uses_sessions:
        yield events.session_gap_us, "events.session_gap"
