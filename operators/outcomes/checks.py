"""What is wrong with the outcomes of a configuration, as far as they can be decoded."""

from __future__ import annotations

from collections.abc import Iterator

from operators.base.durations import US_PER_UNIT, parse_duration_us
from operators.base.errors import Problem, UsageError
from operators.features.filters import PropertyFilter
from operators.outcomes.spec import (
    LONGEST_DAYS,
    LONGEST_NAME,
    MOST_OUTCOMES,
    MOST_STEPS,
    MOST_STRATA,
    OutcomeSpec,
    OutcomesSpec,
    Types,
)


def problems(spec: OutcomesSpec) -> Iterator[Problem]:
    """Every mistake."""
    if len(spec.named) > MOST_OUTCOMES:
        found = f"expected up to {MOST_OUTCOMES}, found {len(spec.named)}"
        yield Problem("outcomes", found)
    for name, outcome in spec.named.items():
        yield from _problems_of_one(name, outcome)
    yield from _problems_of_types("outcomes.page", spec.page)
    if spec.funnel and (not 2 <= len(spec.funnel) <= MOST_STEPS or "" in spec.funnel):
        expected = f"expected 2 to {MOST_STEPS} event types in their order"
        yield Problem("outcomes.funnel", f"{expected}, found {len(spec.funnel)}")
    yield from _problems_of_strata(spec.strata)
    yield from _problems_of_keep(spec)


def _problems_of_one(name: str, spec: OutcomeSpec) -> Iterator[Problem]:
    path = f"outcomes.{name}"
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        expected = f"expected a name of 1 to {LONGEST_NAME} printable characters"
        yield Problem("outcomes", f"{expected}, found {name[:40]!a}")
    yield from _problems_of_types(f"{path}.event", spec.event)
    if spec.value == "":
        yield Problem(f"{path}.value", "expected the name of a property of the events")
    if spec.where is not None:
        try:
            condition = PropertyFilter(spec.where)
        except UsageError as error:
            yield Problem(f"{path}.where", str(error))
        else:
            if spec.value in condition.compared_texts:
                compared = f"{spec.value} is summed up, and so no text"
                yield Problem(f"{path}.where", compared)


def _problems_of_keep(spec: OutcomesSpec) -> Iterator[Problem]:
    """What is let go before its period is over could never be told."""
    try:
        keep_us = parse_duration_us(spec.keep)
    except UsageError as error:
        yield Problem("outcomes.keep", str(error))
        return
    days = LONGEST_DAYS[spec.cohorts]
    if keep_us < days * US_PER_UNIT["d"]:
        expected = f"expected at least {days}d (outcomes.cohorts: {spec.cohorts})"
        yield Problem("outcomes.keep", f"{expected}, found '{spec.keep}'")


def _problems_of_strata(strata: dict[str, list[str]]) -> Iterator[Problem]:
    if len(strata) > 1 or "" in strata:
        expected = "expected one property and its values, such as device: [mobile, desktop]"
        yield Problem("outcomes.strata", expected)
    for name, values in strata.items():
        different = len(set(values)) == len(values) and "" not in values
        if not (different and 2 <= len(values) <= MOST_STRATA):
            expected = f"expected 2 to {MOST_STRATA} different values, none empty"
            yield Problem(f"outcomes.strata.{name}", f"{expected}, found {len(values)}")


def _problems_of_types(path: str, types: Types) -> Iterator[Problem]:
    if types in ([], "") or (isinstance(types, list) and "" in types):
        yield Problem(path, "expected at least one event type, and none empty")
    elif isinstance(types, list) and len(set(types)) < len(types):
        yield Problem(path, "a name stands here twice")
