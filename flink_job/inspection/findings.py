"""What of an input does not go with its configuration, in words: a line each, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flink_job.inspection.hints import field_hint, type_hint
from flink_job.inspection.survey import Survey
from flink_job.inspection.units import WORDS, probable_unit
from operators.base.durations import US_PER_UNIT
from operators.base.moments import iso_at
from operators.events.names import alternatives, shown_name
from operators.events.reasons import Reason
from operators.features.asked import Asked

_YEAR_US: Final = 365 * US_PER_UNIT["d"]
_TOLD_SHARE: Final = 0.01  # of events, from which on it is told that they are nobody's, or broken
_MANY: Final = 0.5


@dataclass(frozen=True)
class Finding:
    """Something that can hardly be meant; what is `fatal` can't work at all."""

    text: str
    fatal: bool = False


@dataclass(frozen=True)
class Looked:
    """What was looked at: the `whole` input or its head, at the moment `now_us`.

    A `live` input may be something else in a minute, so nothing of it is fatal.
    """

    now_us: int
    whole: bool
    live: bool = False

    def of(self, count: int, what: str) -> str:
        """So many of what was looked at."""
        return f"{count:,} {what}" if self.whole else f"the first {count:,} {what}"


def findings(survey: Survey, looked: Looked) -> list[Finding]:
    """All that does not go together, what is fatal first."""
    found = [*_needed(survey, looked)]
    if not found:
        found = [*_times(survey, looked), *_types(survey, looked), *_properties(survey, looked)]
        found += [*_people(survey, looked), *_broken(survey, looked)]
    return sorted(found, key=lambda each: not each.fatal)


def _needed(survey: Survey, looked: Looked) -> Iterator[Finding]:
    """Fields that every event must have."""
    if not survey.records:
        yield Finding("the input has no records")
        return
    for where, field in survey.wanted.needed.items() if survey.looked_into else ():
        there = any(name in survey.names for name in alternatives(field))
        if not there and not survey.present[field]:
            none = f"{where}: none of {looked.of(survey.looked_into, 'events')} has a field"
            meant = _meant(survey, field)
            yield Finding(f"{none} '{shown_name(field)}'{meant}", fatal=not looked.live)


def _times(survey: Survey, looked: Looked) -> Iterator[Finding]:
    unit = survey.wanted.events.time_unit
    probable = probable_unit(survey.times, looked.now_us)
    unreadable = survey.rejected[Reason.BAD_TIME] + survey.rejected[Reason.FUTURE]
    newest_us = survey.timeline.newest_us
    early = newest_us is not None and newest_us < _YEAR_US
    useless = not survey.usable and unreadable > survey.records * _MANY
    if probable not in (None, unit) and (early or useless):
        said = f"events.time_unit: times such as {_shown(survey)} are no {WORDS[unit]}"
        if early:
            said = f"events.time_unit: as {WORDS[unit]} all times lie in 1970"
        yield Finding(f"{said}: say time_unit: {probable}", fatal=not looked.live)
    elif early:
        yield Finding(f"all times lie in 1970: are they {WORDS[unit]} (events.time_unit)?")
    elif newest_us is not None and newest_us < 10 * _YEAR_US:
        yield Finding(f"all times lie before 1980, the newest at {iso_at(newest_us)}")
    late = survey.rejected[Reason.FUTURE]
    if late > survey.records * _MANY and not useless:
        yield Finding(
            f"{late:,} of {survey.records:,} events lie in the future, or after run.as_of"
        )


def _types(survey: Survey, looked: Looked) -> Iterator[Finding]:
    """Types that are named and never come."""
    events, seen = survey.wanted.events, survey.types
    if not seen:
        return
    names = {events.types.get(name, name) for name in seen}
    of = looked.of(survey.records, "records")
    for name, where in survey.wanted.types.items():
        if name not in names:
            yield Finding(
                f"{where}: no event is of the type '{name}' in {of}{_other(survey, name)}"
            )
    for name in events.types:
        if name not in seen:
            yield Finding(f"events.types: no event is of the type '{name}' in {of}")


def _properties(survey: Survey, looked: Looked) -> Iterator[Finding]:
    """Fields that are read and that no event has."""
    for where, field in survey.wanted.optional.items():
        if not survey.having[field].any() and survey.usable:
            of, name = looked.of(survey.usable, "events"), shown_name(field)
            if any(each in survey.names for each in alternatives(field)):
                yield Finding(f"{where}: '{name}' is empty in all of {of}")
            else:
                yield Finding(f"{where}: none of {of} has '{name}'{_meant(survey, field)}")
    told = set[tuple[str, str]]()
    for asked in survey.wanted.asked:
        events, having = _counts(survey, asked)
        of_types = "" if asked.types is None else f" of type {' or '.join(asked.types)}"
        if events and not having and (asked.field, of_types) not in told:
            told.add((asked.field, of_types))
            of = looked.of(events, "events")
            hint = _meant(survey, asked.field) if asked.field not in survey.names else ""
            yield Finding(f"{asked.where}: none of {of}{of_types} has '{asked.field}'{hint}")


def _counts(survey: Survey, asked: Asked) -> tuple[int, int]:
    """How many events a feature reads a property of, and how many of them have it."""
    codes = list(range(len(survey.of_type)))
    if asked.types is not None:
        known = list(survey.wanted.types)
        codes = [known.index(name) for name in asked.types]
    return int(survey.of_type[codes].sum()), int(survey.having[asked.field][codes].sum())


def _people(survey: Survey, looked: Looked) -> Iterator[Finding]:
    """Users who are none."""
    events = survey.nobodies.total()
    if events and events >= survey.usable * _TOLD_SHARE:
        names = " and ".join(f"'{name}'" for name, _ in survey.nobodies.most_common(3))
        of = looked.of(survey.usable, "events")
        yield Finding(
            f"events.user: {events:,} of {of} are of a user called {names}, who may be nobody: "
            "then name them in events.nobody"
        )
    for name, count in survey.decimals.most_common(1):
        yield Finding(
            f"events.user: there are users such as '{name}' ({count:,} events), a text that is not "
            f"'{name[:-2]}': write whole numbers without decimals"
        )


def _broken(survey: Survey, looked: Looked) -> Iterator[Finding]:
    """Records that become dead letters."""
    if survey.unread:
        one = survey.unread == 1
        values = f"{survey.unread:,} value{'' if one else 's'} of {survey.usable:,} events"
        missing = f"can't be read, and {'is' if one else 'are'} missing: {survey.unread_example}"
        yield Finding(f"{values} {missing}")
    for reason, count in survey.rejected.most_common():
        if count >= survey.records * _TOLD_SHARE:
            of = looked.of(survey.records, "records")
            detail = survey.examples[reason]
            yield Finding(f"{count:,} of {of} can't be used: {reason} ({detail})")


def ahead(survey: Survey) -> Finding | None:
    """Events that lie so far ahead of all others that the run does not end with them."""
    found = survey.timeline.far_ahead()
    if found is None:
        return None
    newest_us, user = survey.newest
    days = (newest_us - found.rest_us) // US_PER_UNIT["d"]
    are = "1 event lies" if found.events == 1 else f"{found.events:,} events lie"
    return Finding(
        f"{are} far ahead of all others, up to {iso_at(newest_us)} of the user '{user}', "
        f"{days:,} days later: the run ends as of the rest, {iso_at(found.rest_us)}, and what is "
        "later is a dead letter; run.as_of says otherwise"
    )


def disorder(survey: Survey) -> Finding | None:
    """Events that are not in the order of time."""
    if not survey.steps_back:
        return None
    return Finding(
        f"the events are not in the order of time: {survey.steps_back:,} of {survey.usable:,} are "
        "older than the one before"
    )


def _meant(survey: Survey, name: str) -> str:
    """What a field may be called, or what fields there are."""
    return field_hint(name, [each for each, _ in survey.names.most_common()])


def _other(survey: Survey, name: str) -> str:
    """Types that there are instead."""
    hint = type_hint(name, [each for each, _ in survey.types.most_common()])
    if not hint.endswith("?"):
        return hint
    other = hint.split("'")[1]
    return f"{hint.removesuffix('?')}, which was seen {survey.types[other]:,} times?"


def _shown(survey: Survey) -> str:
    return next((repr(time) for time in survey.times if time is not None), "none")
