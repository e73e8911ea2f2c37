"""The input of a run, looked at before Flink starts; files are staged on the way."""

from __future__ import annotations

from dataclasses import dataclass

from flink_job.inspection.findings import Finding, Looked, findings
from flink_job.inspection.survey import Survey
from flink_job.inspection.wanted import Wanted
from flink_job.jobs.looking import (
    doubts_of_reading,
    findings_of_files,
    latest_us,
    look_at_files,
    refuse,
    survey_topic,
)
from flink_job.plan import Plan
from flink_job.staging.people import StagedRoster
from flink_job.staging.stage import Staging, stage
from operators.base.moments import now_us
from operators.events.roster import RosterDecoder


@dataclass(frozen=True)
class StagedInput:
    """So many `records`, the moment of the newest event but for those far ahead, and doubts.

    Records of a roster are among them. Of a topic neither is known: both are None.
    """

    records: int | None
    end_us: int | None
    doubts: tuple[str, ...]


def staged_input(plan: Plan, staging: Staging) -> StagedInput:
    """Stage the files of a run; of a topic, look at the newest records.

    Raises:
        UsageError: they can't be what is meant, or a file can't be read.
        PreflightError: Kafka does not answer.
    """
    now, wanted = now_us(), Wanted.of(plan.config)
    latest = latest_us(plan, now)
    files, source, broker = plan.paths.files(), plan.config.source.kafka, plan.kafka.input_broker()
    if files is None:
        assert source is not None
        assert broker is not None  # a configuration has one of the two
        survey, whole = survey_topic(broker, source.topic, wanted, latest)
        looked = Looked(now, whole, live=not source.bounded)
        return StagedInput(None, None, _doubts(findings(survey, looked) if survey.records else []))
    look_at_files(files, wanted, now, latest)
    survey, roster = Survey(wanted, latest), _roster(plan, staging)
    people = roster.lines() if roster else iter(())
    stage(files, survey, plan.folder.staged, staging, people)
    doubts = _doubts(findings_of_files(plan, files, survey, Looked(now, whole=True)))
    reading = doubts_of_reading(files, staging.heard)
    records, refused = (roster.records, roster.doubts()) if roster else (0, ())
    return StagedInput(survey.records + records, _end_us(survey), (*doubts, *refused, *reading))


def _roster(plan: Plan, staging: Staging) -> StagedRoster | None:
    config, source, user = plan.config, plan.paths.roster(), plan.config.roster_user
    if source is None or user is None:
        return None
    catalog = config.catalog()
    (numbers, texts), types = catalog.traits, len(catalog.event_types)
    decoder = RosterDecoder(user, config.events, numbers, texts, types, keyed=False)
    return StagedRoster(source, user, decoder, staging.heard.append)


def _end_us(survey: Survey) -> int | None:
    far = survey.timeline.far_ahead()
    return survey.timeline.newest_us if far is None else far.rest_us


def _doubts(found: list[Finding]) -> tuple[str, ...]:
    """What may be meant, in words.

    Raises:
        UsageError: something can't work.
    """
    refuse(found)
    return tuple(each.text for each in found)
