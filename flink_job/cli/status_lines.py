"""How a configuration is at work, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

from flink_job.cli.amounts import size_text, time_text
from flink_job.cli.shown import printable
from flink_job.control.input_status import Absent, InputStatus
from flink_job.control.job_status import JobStatus
from flink_job.control.plan_status import PlanStatus, SegmentsVersion
from flink_job.deadletters.tally import LetterTally
from flink_job.queries.model_versions import ModelVersion
from flink_job.runtime.job_facts import CheckpointFacts, CheckpointHistory, JobFacts
from operators.base.durations import US_PER_UNIT

_LABEL: Final = 14
# By job, what of it is behind.
_LAGS: Final[Mapping[str, str]] = {"segment": "events", "upsert": "changelog"}

_T = TypeVar("_T")


class StatusLines:
    """The lines of a status, with ages as of a moment in microseconds since 1970."""

    def __init__(self, found: PlanStatus, now_us: int) -> None:
        self._found = found
        self._now_s = now_us / US_PER_UNIT["s"]
        self._told: set[str] = set()

    def all(self) -> Iterator[str]:
        """All lines."""
        for job in self._found.jobs:
            yield self._head(job)
            yield from (f"  {line}" for line in self._facts(job))
        if "cluster" in self._found.unknown:
            yield self._line("cluster", self._why("cluster"))
        yield from self._part("segments", self._found.segments, self._segments)
        yield from self._part("input", self._found.input, self._input)
        for absent in self._found.input.absent if self._found.input else ():
            yield self._line("", self._absent(absent))
        yield from self._part("models", self._found.models, self._models)
        yield from self._part("dead_letters", self._found.dead_letters, self._letters)
        for each in self._found.dead_letters.reasons if self._found.dead_letters else ():
            letters = f"{each.letters:,} {each.reason}, newest {self._ago(each.newest)}"
            yield self._line("", letters)

    def _head(self, job: JobStatus) -> str:
        ids = f"process {job.pid}" if job.pid else f"job {job.id}" if job.id else ""
        since = f"since {_second(job.since)}, {self._ago(job.since)}" if job.since else ""
        where = f"{job.state} {'' if job.where in (None, 'here') else 'on '}{job.where or ''}"
        return printable(f"{job.name}: {', '.join(filter(None, (where.strip(), since, ids)))}")

    def _facts(self, job: JobStatus) -> Iterator[str]:
        if job.flink is not None:
            yield from self._flink(job.flink)
        elif job.kept is not None:
            yield self._line("last state", f"{self._ago(job.kept.at)}: {job.kept.path}")
        yield from self._lag(job)

    def _flink(self, facts: JobFacts) -> Iterator[str]:
        yield self._line("checkpoints", self._checkpoints(facts.checkpoints))
        if facts.checkpoints.failing is not None:
            yield self._line("", f"newer ones fail: {facts.checkpoints.failing}")
        yield self._line("restarts", f"{facts.restarts:,}")
        if facts.failure is not None:
            said = f"{self._ago(facts.failure.at)}: {facts.failure.reason}"
            yield self._line("last failure", said)

    def _checkpoints(self, history: CheckpointHistory) -> str:
        last = "none yet" if history.last is None else self._checkpoint(history.last)
        return f"{last}; {history.completed:,} complete, {history.failed:,} failed"

    def _checkpoint(self, last: CheckpointFacts) -> str:
        size = "" if last.bytes is None else f", {size_text(last.bytes)}"
        took = "" if last.took_ms is None else f", took {time_text(last.took_ms / 1_000)}"
        return f"last {self._ago(last.at)}{size}{took}"

    def _lag(self, job: JobStatus) -> Iterator[str]:
        part, label = _LAGS[job.job], "lag"
        what = "records not yet " + ("read" if part == "events" else "in the store")
        number = self._found.events if part == "events" else self._found.changelog
        if part in self._found.unknown:
            yield self._line(label, self._why(part))
        elif number is not None:
            yield self._line(label, f"{number:,} {what}")

    def _part(self, name: str, part: _T | None, told: Callable[[_T], str]) -> Iterator[str]:
        label = name.replace("_", " ")
        if name in self._found.unknown:
            yield self._line(label, self._why(name))
        elif part is not None:
            yield self._line(label, told(part))

    def _segments(self, found: SegmentsVersion) -> str:
        by = f", by {found.by}" if found.by else ""
        at = f", {self._ago(found.at)}" if found.at else ""
        far = f"; judged by it: {found.progress.text()}" if found.progress else ""
        return f"version {found.version}{by}{at}{far}"

    def _input(self, found: InputStatus) -> str:
        if not found.lanes_told:
            return "nothing has come since the start"
        asked, away = len(found.came), len(found.absent)
        came = f"{asked - away} of {asked} types and fields that are asked for come"
        return f"{came}, as told {self._ago(found.told_at)}"

    def _absent(self, absent: Absent) -> str:
        none = f"{absent.where}: no {absent.what} in {time_text(absent.seconds)}"
        return f"{none}, since it is asked for{absent.hint}" if absent.never else none

    def _models(self, found: list[ModelVersion]) -> str:
        told = [f"{each.model} version {each.version}, {self._ago(each.at)}" for each in found]
        return "; ".join(told) or "no version yet"

    def _letters(self, found: LetterTally) -> str:
        total = f"{sum(each.letters for each in found.reasons):,}"
        return total if found.all else f"the newest {total} alone"

    def _why(self, part: str) -> str:
        why = self._found.unknown[part]
        if why in self._told:
            return "unknown, as above"
        self._told.add(why)
        return f"unknown: {why}"

    def _ago(self, moment: str | None) -> str:
        try:
            seconds = self._now_s - datetime.fromisoformat(moment or "").timestamp()
        except ValueError:  # it stood in a record, and anybody may write these
            return "at an unknown time"
        return f"{time_text(seconds)} ago"

    def _line(self, label: str, text: str) -> str:
        return f"{label:<{_LABEL}}{printable(text)}".rstrip()


def _second(moment: str) -> str:
    """A moment to the second."""
    return f"{moment.partition('.')[0]}Z"
