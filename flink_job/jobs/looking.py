"""Looks at an input before a run: at the head of files, or at the newest records of a topic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from flink_job.config.model import FileSource
from flink_job.inspection.findings import Finding, Looked, ahead, disorder, findings
from flink_job.inspection.survey import Survey
from flink_job.inspection.wanted import Wanted
from flink_job.kafka_client.broker import Broker
from flink_job.kafka_client.reading import read_newest
from flink_job.plan import Plan
from flink_job.staging.files import expanded, passed_over
from flink_job.staging.reading import read
from flink_job.staging.sought import Sought
from operators.base.errors import UsageError
from operators.events.markers import NULL

_MOST: Final = 10_000  # records of an input that are looked at
_FEWEST: Final = 100  # of one of many files
_MOST_FILES: Final = 100
_OF_A_PARTITION: Final = 500  # offsets; one read from Kafka takes as many at once


def refuse(found: Sequence[Finding]) -> None:
    """Refuse what can't work.

    Raises:
        UsageError: there is some, all of it in one line.
    """
    fatal = [each.text for each in found if each.fatal]
    if fatal:
        raise UsageError("; ".join(fatal))


def latest_us(plan: Plan, now_us: int) -> int:
    """The latest moment of an event of a plan's input that is not of the future."""
    return plan.as_of_us() or now_us + plan.config.events.max_skew_us


def findings_of_files(
    plan: Plan, source: FileSource, survey: Survey, looked: Looked
) -> list[Finding]:
    """All that does not go together of files, and how they lie in time."""
    found = findings(survey, looked)
    if plan.config.run.as_of is None and (far := ahead(survey)) is not None:
        found.append(far)
    if source.order == "as_is" and (mixed := disorder(survey)) is not None:
        found.append(mixed)
    return found


def doubts_of_reading(source: FileSource, heard: Sequence[str]) -> list[str]:
    """What was `heard` of how files are written, each once, and which files are not read."""
    unread = [f"{path}: not read: its name says no format" for path in passed_over(source.paths)]
    return [*dict.fromkeys(heard), *unread]


def survey_heads(
    source: FileSource, wanted: Wanted, latest_us: int, heard: list[str]
) -> tuple[Survey, bool]:
    """What stands at the beginning of files, and whether that is all that there is.

    `heard` is told what was found out of how they are written.

    Raises:
        UsageError: one can't be read.
    """
    survey, paths = Survey(wanted, latest_us), expanded(source.paths)
    most = max(_MOST // max(len(paths), 1), _FEWEST)
    whole = len(paths) <= _MOST_FILES
    for path in paths[:_MOST_FILES]:
        whole &= _add_head(survey, path, source, most, heard)
    return survey, whole


def survey_topic(broker: Broker, topic: str, wanted: Wanted, latest_us: int) -> tuple[Survey, bool]:
    """What the newest records of a topic are, and whether that is all that there is.

    Raises:
        PreflightError: Kafka does not answer, or the topic is not there.
    """
    survey = Survey(wanted, latest_us)
    records, whole = read_newest(broker, topic, _OF_A_PARTITION)
    survey.add([NULL if record.value is None else record.value for record in records])
    return survey, whole


def look_at_files(source: FileSource, wanted: Wanted, now_us: int, latest_us: int) -> None:
    """Refuse files that can't be what is meant, by their heads: soon, however long they are.

    Raises:
        UsageError: they can't, or one can't be read.
    """
    survey, whole = survey_heads(source, wanted, latest_us, [])
    refuse(findings(survey, Looked(now_us, whole)))


def _add_head(survey: Survey, path: Path, source: FileSource, most: int, heard: list[str]) -> bool:
    """Add the head of a file; whether that is all of it."""
    sought = Sought.of(survey.wanted)
    values = read(path, source, sought=sought, hear=heard.append)
    survey.add(list(islice(values, most)))
    return next(values, None) is None
