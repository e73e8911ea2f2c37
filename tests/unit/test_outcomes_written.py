"""What can be wrong with the `outcomes` of a configuration: all of it at once, where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.config.load import check
from operators.base.errors import ConfigError
from operators.outcomes.spec import OutcomesSpec
from tests.unit.good_config import GOOD


def measured(outcomes: Any, **more: Any) -> OutcomesSpec:
    found = check(GOOD | more | {"outcomes": outcomes}, "shop.yaml").outcomes
    assert found is not None
    return found


def problems(outcomes: str, **more: Any) -> list[str]:
    """The mistakes of the good configuration with these outcomes, YAML."""
    with pytest.raises(ConfigError) as raised:
        measured(yaml.safe_load(outcomes), **more)
    return [str(problem) for problem in raised.value.problems]


def test_outcomes_stand_beside_the_other_parts() -> None:
    spec = measured(
        {
            "conversion": {"event": "purchase", "value": "price"},
            "named": {"event": ["cart", "any"], "where": "price > 3"},
            "page": ["view", "search"],
            "funnel": ["view", "any", "purchase"],
            "cohorts": "month",
            "strata": {"device": ["mobile", "desktop"]},
            "keep": "31d",
        }
    )
    assert list(spec.named) == ["conversion", "named"]
    assert spec.types == {
        "purchase": "outcomes.conversion",
        "cart": "outcomes.named",
        "view": "outcomes.page",
        "search": "outcomes.page",
    }
    assert (spec.numbers, spec.texts) == ({"price"}, {"device"})
    assert check(GOOD, "shop.yaml").outcomes is None


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("[]", "outcomes: expected a mapping of names to values, found a list"),
        (
            "page: view",
            "outcomes: expected at least one, such as conversion: {event: purchase, value: price}",
        ),
        (
            "conversion: purchase",
            "outcomes.conversion: expected an outcome such as {event: purchase, value: price}, "
            "found 'purchase'",
        ),
        (
            "conversion:",
            "outcomes.conversion: expected an outcome such as {event: purchase, value: price}, "
            "found nothing",
        ),
        (
            "{1: {event: purchase}}",
            "outcomes: expected names that are texts, found 1: quote it",
        ),
        ("conversion: {event: 5}", "outcomes.conversion.event: expected 'str | array', found 5"),
        (
            "conversion: {event: []}",
            "outcomes.conversion.event: expected at least one event type, and none empty",
        ),
        ("conversion: {event: [a, a]}", "outcomes.conversion.event: a name stands here twice"),
        (
            "conversion: {event: a, value: ''}",
            "outcomes.conversion.value: expected the name of a property of the events",
        ),
        (
            "conversion: {event: a, where: price >}",
            "outcomes.conversion.where: the condition ends where a value was expected",
        ),
        (
            "conversion: {event: a, value: price, where: price = 'free'}",
            "outcomes.conversion.where: price is summed up, and so no text",
        ),
        (
            "{conversion: {event: a}, funnel: [a]}",
            "outcomes.funnel: expected 2 to 20 event types in their order, found 1",
        ),
        ("{conversion: {event: a}, funnel: a}", "outcomes.funnel: expected 'array', found 'a'"),
        (
            "{conversion: {event: a}, cohorts: weekly}",
            "outcomes.cohorts: expected day or week or month, found 'weekly', did you mean 'week'?",
        ),
        (
            "{conversion: {event: a}, keep: soon}",
            "outcomes.keep: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), "
            "found 'soon'",
        ),
        (
            "{conversion: {event: a}, keep: 99999d}",
            "outcomes.keep: expected a duration such as 30s, 5m, 1.5h or 7d (up to 100 years), "
            "found '99999d'",
        ),
        (
            "{conversion: {event: a}, keep: 30d, cohorts: month}",
            "outcomes.keep: expected at least 31d (outcomes.cohorts: month), found '30d'",
        ),
        ("{conversion: {event: a}, keep: 400}", "outcomes.keep: expected 'str', found 400"),
        ("{conversion: {event: a}, page: ''}", "outcomes.page: expected at least one event type"),
        (
            "{conversion: {event: a}, strata: [mobile, desktop]}",
            "outcomes.strata: expected a mapping of names to values, found a list",
        ),
        (
            "{conversion: {event: a}, strata: {device: mobile}}",
            "outcomes.strata.device: expected 'array', found 'mobile'",
        ),
        (
            "{conversion: {event: a}, strata: {device: [mobile]}}",
            "outcomes.strata.device: expected 2 to 20 different values, none empty, found 1",
        ),
        (
            "{conversion: {event: a}, strata: {a: [b, c], d: [e, f]}}",
            "outcomes.strata: expected one property and its values",
        ),
        (
            "{conversion: {event: a}, stratum: {device: [mobile, desktop]}}",
            "outcomes.stratum: unknown name 'stratum', did you mean 'strata'?",
        ),
        (
            "{named: {event: ''}}",
            "outcomes.named.event: expected at least one event type, and none empty",
        ),
        (
            "{named_users: {event: a, where: 'a >'}}",
            "outcomes.named_users.where: the condition ends where a value was expected",
        ),
        (
            "{'': {event: a}}",
            "outcomes: expected a name of 1 to 100 printable characters, found ''",
        ),
    ],
)
def test_each_mistake_says_where_it_is_and_what_was_expected(outcomes: str, expected: str) -> None:
    (problem,) = problems(outcomes)
    assert problem.startswith(expected)


def test_no_outcomes_at_all_are_told_where_the_part_is_there() -> None:
    (problem,) = problems("")
    assert problem.startswith("outcomes: expected at least one, such as conversion:")


def test_too_many_outcomes_are_told() -> None:
    many = {f"outcome {n}": {"event": "a"} for n in range(21)}
    assert problems(yaml.safe_dump(many)) == ["outcomes: expected up to 20, found 21"]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("funel", "funnel"), ("pages", "page"), ("cohort", "cohorts"), ("Keep", "keep")],
)
def test_what_is_no_outcome_is_told_by_the_part_that_is_meant(misspelt: str, meant: str) -> None:
    outcomes = {"conversion": {"event": "purchase"}, misspelt: ["view", "cart"]}
    told = f"outcomes.{misspelt}: unknown name '{misspelt}', did you mean '{meant}'?"
    assert problems(yaml.safe_dump(outcomes)) == [told]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("page", "an event type or a list of them"),
        ("funnel", "a list of event types in their order"),
        ("cohorts", "day, week or month"),
        ("keep", "a duration such as 400d"),
    ],
)
def test_a_part_is_no_outcome(part: str, expected: str) -> None:
    outcomes = {"conversion": {"event": "purchase"}, part: {"event": "view"}}
    assert problems(yaml.safe_dump(outcomes)) == [
        f"outcomes.{part}: expected {expected}, found a mapping: "
        f"an outcome can't be called '{part}'"
    ]


def test_a_value_may_be_asked_whether_it_is_there_and_compared_with_numbers() -> None:
    for where in ("price IS NOT NULL", "price IS NOT NULL AND price > 3", "NOT (price IS NULL)"):
        measured({"conversion": {"event": "purchase", "value": "price", "where": where}})


WRONG = """
conversion: {evnt: purchase, value: price}
interest: {event: cart, where: 'price >'}
orders: purchase
funel: [view, cart]
page: {event: view}
cohorts: weekly
keep: soon
"""


def test_all_mistakes_are_told_at_once_also_by_the_command(tmp_path: Path) -> None:
    found = problems(WRONG)
    assert {each.partition(": ")[0] for each in found} == {
        *("outcomes.conversion.evnt", "outcomes.conversion.event", "outcomes.interest.where"),
        *("outcomes.orders", "outcomes.funel", "outcomes.page", "outcomes.cohorts"),
        "outcomes.keep",
    }
    assert len(found) == 8
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(GOOD | {"outcomes": yaml.safe_load(WRONG)}))
    result = CliRunner().invoke(app, ["validate", str(path)])
    assert isinstance(result.exception, ConfigError)
    told = [str(problem) for problem in result.exception.problems]
    assert sorted(told) == sorted(found)


def test_a_mistake_elsewhere_hides_none_of_outcomes() -> None:
    """Nor the other way round."""
    found = problems(WRONG, features={"views": {"conut": "view"}}, run={"lanes": 0})
    assert len(found) == 11
    assert sum(each.startswith("outcomes.") for each in found) == 8


def test_users_are_remembered_for_as_long_as_a_session_may_go_on() -> None:
    outcomes = {"conversion": {"event": "purchase"}}
    own = {"features": {"device": {"last": "device"}}, "segments": {}, "clusters": {}}
    brief = {**own, "run": {"forget_after": "10m"}}
    assert check(GOOD | brief, "shop.yaml").lifetime is not None
    expected = "run.forget_after: expected at least 30m (events.session_gap), found '10m'"
    assert problems(yaml.safe_dump(outcomes), **brief) == [expected]
    wrong = {"conversion": {"event": "purchase", "where": "a >"}}
    assert len(problems(yaml.safe_dump(wrong), **brief)) == 2


def test_a_topic_to_which_nothing_would_go_is_told() -> None:
    kafka = {"bootstrap": "localhost:9092", "outcomes": "worth"}
    with pytest.raises(ConfigError) as raised:
        check(GOOD | {"output": {"kafka": kafka}}, "shop.yaml")
    (problem,) = raised.value.problems
    assert str(problem) == (
        "output.kafka.outcomes: nothing would go there, as the configuration has no outcomes"
    )
