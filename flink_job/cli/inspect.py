"""`flockwise inspect`: what an input looks like to a configuration, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.shown import rows, shortened, warn
from flink_job.config.model import FileSource
from flink_job.inspection.findings import Finding, Looked, findings
from flink_job.inspection.survey import Survey
from flink_job.inspection.wanted import Wanted
from flink_job.jobs.looking import (
    doubts_of_reading,
    findings_of_files,
    latest_us,
    refuse,
    survey_heads,
    survey_topic,
)
from flink_job.plan import Plan
from operators.base.errors import UsageError
from operators.base.moments import iso_at, now_us
from operators.events.names import alternatives

_MOST_SHOWN: Final = 50  # fields, and types
_LONGEST: Final = 60


@dataclass(frozen=True)
class _Seen:
    """What was looked at, and what is to be said of it."""

    survey: Survey
    looked: Looked
    found: Sequence[Finding]
    heard: Sequence[str] = field(default_factory=list)


def inspect(
    config: ConfigPath,
    what: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|TOPIC]", help="Another input than the configuration's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look at the head of the input: fields, types, times, and what does not go together.

    Of a topic, the newest records are looked at. Ends with 2 if a run would be refused.
    """
    plan = plan_of(config)
    seen = _seen(plan, what)
    if as_json:
        write_lines([json_line(_as_json(seen))])
    else:
        write_lines(_lines(seen))
        for text in (*seen.heard, *(each.text for each in seen.found if not each.fatal)):
            warn(console, text)
    refuse(seen.found)
    if not as_json and not seen.found:
        console.print("[green]✓[/] it is what the configuration asks for")


def _seen(plan: Plan, what: str | None) -> _Seen:
    now, wanted = now_us(), Wanted.of(plan.config)
    latest = latest_us(plan, now)
    files = _files(plan, what)
    if files is None:
        broker, source = plan.kafka.input_broker(), plan.config.source.kafka
        if broker is None or source is None:
            raise UsageError(f"{what}: there is no such file, and no source.kafka for a topic")
        survey, whole = survey_topic(broker, what or source.topic, wanted, latest)
        looked = Looked(now, whole, live=not source.bounded)
        return _Seen(survey, looked, findings(survey, looked))
    heard: list[str] = []
    survey, whole = survey_heads(files, wanted, latest, heard)
    looked = Looked(now, whole)
    found = findings_of_files(plan, files, survey, looked)
    return _Seen(survey, looked, found, doubts_of_reading(files, heard))


def _files(plan: Plan, what: str | None) -> FileSource | None:
    """The files to look at, None for a topic."""
    own = plan.paths.files()
    if what is None or (own is None and not Path(what).exists()):
        return own
    return msgspec.structs.replace(own or FileSource([]), paths=[str(Path(what).resolve())])


def _lines(seen: _Seen) -> Iterator[str]:
    survey = seen.survey
    yield f"{seen.looked.of(survey.records, 'records')}: {survey.usable:,} can be used"
    oldest_us, newest_us = survey.timeline.oldest_us, survey.timeline.newest_us
    if oldest_us is not None and newest_us is not None:
        order = ", not in the order of time" if survey.steps_back else ""
        yield f"from {iso_at(oldest_us)} to {iso_at(newest_us)}{order}"
    yield ""
    yield from rows(("field", "in", "read as"), _fields(survey))
    yield ""
    types = survey.types.most_common(_MOST_SHOWN)
    yield from rows(("event type", "events"), ((_short(name), f"{n:,}") for name, n in types))


def _fields(survey: Survey) -> Iterator[tuple[str, str, str]]:
    """The fields that there are, then those that are read and are not."""
    uses = _uses(survey.wanted)
    whole = max(survey.looked_into, 1)
    for name, count in survey.names.most_common(_MOST_SHOWN):
        yield _short(name), f"{count / whole:.0%}", ", ".join(uses.get(name, ()))
    for name in sorted(uses.keys() - survey.names.keys()):
        yield _short(name), "none", ", ".join(uses[name])


def _uses(wanted: Wanted) -> dict[str, list[str]]:
    """By field, where the configuration names it."""
    uses: dict[str, list[str]] = {}
    named = [*wanted.needed.items(), *wanted.optional.items()]
    for where, name in [*named, *((each.where, each.field) for each in wanted.asked)]:
        for each in alternatives(name):
            if where not in uses.setdefault(each, []):
                uses[each].append(where)
    return uses


def _short(name: str) -> str:
    return shortened(name, _LONGEST)


def _as_json(seen: _Seen) -> dict[str, Any]:
    survey = seen.survey
    oldest_us, newest_us = survey.timeline.oldest_us, survey.timeline.newest_us
    return {
        "records": survey.records,
        "whole": seen.looked.whole,
        "usable": survey.usable,
        "rejected": {str(reason): count for reason, count in survey.rejected.items()},
        "oldest": None if oldest_us is None else iso_at(oldest_us),
        "newest": None if newest_us is None else iso_at(newest_us),
        "looked_into": survey.looked_into,
        "fields": dict(survey.names.most_common(_MOST_SHOWN)),
        "types": dict(survey.types.most_common(_MOST_SHOWN)),
        "refused": [each.text for each in seen.found if each.fatal],
        "doubts": [*seen.heard, *(each.text for each in seen.found if not each.fatal)],
    }
