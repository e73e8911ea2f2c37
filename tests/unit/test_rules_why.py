"""The why of a membership, word by word."""

from __future__ import annotations

import numpy as np
import pytest

from operators.frame import FeatureColumn, Frame, Kind
from operators.pages.dictionary import Dictionary
from operators.rules.rulebook import Rulebook
from operators.rules.spec import SegmentSpec

MINUTE_US = 60_000_000
NOW_US = 1_700_000_000_000_000
COLUMNS = {
    column.name: column
    for column in (
        FeatureColumn("product_views", Kind.NUMBER),
        FeatureColumn("carts_1h", Kind.NUMBER),
        FeatureColumn("spend_30d", Kind.NUMBER),
        FeatureColumn("since_purchase", Kind.AGE, MINUTE_US),
        FeatureColumn("device", Kind.CATEGORY),
        FeatureColumn("last device", Kind.CATEGORY),
    )
}


def why(
    spec: SegmentSpec, entered_us: int | None = None, **values: float | str
) -> tuple[bool, list[str]]:
    """Whether a user with these features is in after judging, and why."""
    dictionary = Dictionary()
    row = np.full((len(COLUMNS), 1), np.nan)
    for at, name in enumerate(COLUMNS):
        value = values.get(name.replace(" ", "_"))
        if isinstance(value, str):
            row[at] = dictionary.add(value)
        elif value is not None:
            row[at] = NOW_US - value * MINUTE_US if name == "since_purchase" else value
    frame = Frame(COLUMNS, row, np.array([NOW_US]), dictionary)
    rulebook = Rulebook.compile({"Some": spec}, COLUMNS, step_us=MINUTE_US, version=1)
    member = np.array([[entered_us is not None]])
    judgement = rulebook.judge(frame, member, np.array([[entered_us or 0]]))
    return bool(judgement.member[0, 0]), judgement.why(
        judgement.evaluation.cases(np.array([0]))[0], 0
    )


TRUE = {
    "product_views > 3": ["product_views = 5 (> 3)"],
    "3 < product_views": ["product_views = 5 (> 3)"],
    "NOT product_views < 3": ["product_views = 5 (>= 3)"],
    "product_views > 3 AND carts_1h >= 1": ["product_views = 5 (> 3)", "carts_1h = 2 (>= 1)"],
    "product_views > 9 OR carts_1h >= 1 OR device = 'mobile'": [
        "carts_1h = 2 (>= 1)",
        "device = 'mobile' (= 'mobile')",
    ],
    "NOT (product_views > 9 OR carts_1h > 9)": [
        "product_views = 5 (<= 9)",
        "carts_1h = 2 (<= 9)",
    ],
    "carts_1h > 1 AND (product_views > 3 OR carts_1h > 1)": [
        "carts_1h = 2 (> 1)",
        "product_views = 5 (> 3)",
    ],
    "device IN ('mobile', 'tablet')": ["device = 'mobile' (IN ('mobile', 'tablet'))"],
    "device NOT IN ('tv')": ["device = 'mobile' (NOT IN ('tv'))"],
    '"last device" <> device': ["\"last device\" = 'it''s' (<> device = 'mobile')"],
    "spend_30d / carts_1h > 10": ["spend_30d / carts_1h = 12.5 (> 10)"],
    "spend_30d / 3 > 8": ["spend_30d / 3 = 8.33333 (> 8)"],
    "product_views >= carts_1h": ["product_views = 5 (>= carts_1h = 2)"],
    "carts_1h BETWEEN 1 AND product_views": ["carts_1h = 2 (BETWEEN 1 AND product_views = 5)"],
    "3 BETWEEN carts_1h AND 7": ["3 (BETWEEN carts_1h = 2 AND 7)"],
    "product_views NOT BETWEEN 1 AND 2": ["product_views = 5 (NOT BETWEEN 1 AND 2)"],
    "since_purchase IS NULL": ["since_purchase is unknown (IS NULL)"],
    "device IS NOT NULL": ["device = 'mobile' (IS NOT NULL)"],
    "COALESCE(since_purchase, 99) > 30": ["COALESCE(since_purchase, 99) = 99 (> 30)"],
    "spend_30d > 0.1": ["spend_30d = 25 (> 0.1)"],
    "TRUE": ["TRUE"],
}


@pytest.mark.parametrize("condition", TRUE)
def test_who_is_in_by_a_condition(condition: str) -> None:
    found = why(
        SegmentSpec(condition),
        product_views=5,
        carts_1h=2,
        spend_30d=25,
        device="mobile",
        last_device="it's",
    )
    assert found == (True, TRUE[condition])


NOT_TRUE = {
    "product_views > 3": ["product_views = 2 (<= 3)"],
    "product_views > 3 AND carts_1h = 2": ["product_views = 2 (<= 3)"],
    "product_views > 3 OR carts_1h = 9": ["product_views = 2 (<= 3)", "carts_1h = 2 (<> 9)"],
    "since_purchase < 30": ["since_purchase is unknown (< 30)"],
    "NOT since_purchase < 30": ["since_purchase is unknown (>= 30)"],
    "since_purchase < 30 AND carts_1h = 2": ["since_purchase is unknown (< 30)"],
    "since_purchase < 30 AND carts_1h = 3": ["carts_1h = 2 (<> 3)"],
    "since_purchase < carts_1h": ["since_purchase is unknown (< carts_1h = 2)"],
    "carts_1h > since_purchase": ["carts_1h = 2 (> since_purchase is unknown)"],
    "device IN ('tv')": ["device is unknown (IN ('tv'))"],
    "since_purchase IS NOT NULL": ["since_purchase is unknown (IS NULL)"],
    "carts_1h / 0 > 1 AND TRUE": ["carts_1h / 0 is unknown (> 1)"],
    "FALSE": ["FALSE"],
}


@pytest.mark.parametrize("condition", NOT_TRUE)
def test_who_has_just_left_a_condition(condition: str) -> None:
    found = why(SegmentSpec(condition), entered_us=NOW_US - 1, product_views=2, carts_1h=2)
    assert found == (False, NOT_TRUE[condition])


HYSTERESIS = SegmentSpec("product_views >= 3", "carts_1h = 0 OR since_purchase > 9", "5m")


def test_who_is_in_by_when() -> None:
    found = why(HYSTERESIS, NOW_US, product_views=3, carts_1h=1)
    assert found == (True, ["product_views = 3 (>= 3)"])


def test_who_stays_as_the_condition_to_leave_is_false() -> None:
    found = why(HYSTERESIS, NOW_US, product_views=1, carts_1h=1, since_purchase=2)
    assert found == (True, ["carts_1h = 1 (<> 0)", "since_purchase = 2 (<= 9)"])


def test_who_stays_as_the_condition_to_leave_is_unknown() -> None:
    found = why(HYSTERESIS, NOW_US, product_views=1, carts_1h=1)
    assert found == (True, ["since_purchase is unknown (> 9)"])


def test_who_is_held_by_the_dwell() -> None:
    assert why(HYSTERESIS, NOW_US - 5 * MINUTE_US + 1, product_views=1, carts_1h=0) == (
        True,
        ["min_dwell 5m not over"],
    )
    assert why(HYSTERESIS, NOW_US - 5 * MINUTE_US + 1, product_views=4, carts_1h=0) == (
        True,
        ["product_views = 4 (>= 3)", "min_dwell 5m not over"],
    )


def test_who_has_just_left_by_leave_when() -> None:
    found = why(HYSTERESIS, NOW_US - 5 * MINUTE_US, product_views=4, carts_1h=0)
    assert found == (False, ["carts_1h = 0 (= 0)"])


def test_nothing_is_said_of_who_was_out_before() -> None:
    assert why(HYSTERESIS, None, product_views=1, carts_1h=1) == (False, [])


def test_a_number_has_the_digits_that_tell_it_from_the_limit() -> None:
    spec = SegmentSpec("since_purchase > 30")
    assert why(spec, since_purchase=30 + 1 / MINUTE_US) == (
        True,
        ["since_purchase = 30.00000002 (> 30)"],
    )
    assert why(SegmentSpec("spend_30d > 30"), spend_30d=1234567.891) == (
        True,
        ["spend_30d = 1.23457e+06 (> 30)"],
    )
    assert why(SegmentSpec("spend_30d > 30"), spend_30d=12345678.0) == (
        True,
        ["spend_30d = 12345678 (> 30)"],
    )
