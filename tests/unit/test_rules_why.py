"""The why of a membership, word by word."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from operators.base.dictionary import Dictionary
from operators.base.frame import FeatureColumn, Frame, Kind, list_text
from operators.rules.holdouts import JudgedUsers
from operators.rules.judgement import Judgement
from operators.rules.rulebook import Rulebook
from operators.rules.spec import RETIRED, SegmentSpec
from operators.rules.standing import NEVER_IN

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
        FeatureColumn("shops {all}", Kind.LIST),
    )
}


def judgement_of(
    specs: dict[str, SegmentSpec], words: dict[str, int], **values: float | str
) -> tuple[Rulebook, Judgement]:
    """Judge a user called ann with these features, who stands to segments as the words say."""
    dictionary = Dictionary()
    row = np.full((len(COLUMNS), 1), np.nan)
    for at, name in enumerate(COLUMNS):
        value = values.get(name.replace(" ", "_"))
        if name == "shops {all}":
            row[at] = dictionary.add(list_text(["it's", "tv"]))
        elif isinstance(value, str):
            row[at] = dictionary.add(value)
        elif value is not None:
            row[at] = NOW_US - value * MINUTE_US if name == "since_purchase" else value
    frame = Frame(COLUMNS, row, np.array([NOW_US]), dictionary)
    rulebook = Rulebook.compile(specs, COLUMNS, step_us=MINUTE_US, version=1)
    standing = np.array([[words.get(name, NEVER_IN) for name in rulebook.names]])
    users = JudgedUsers(["ann"], np.array([crc32(b"ann")], np.uint32), np.array([0]))
    return rulebook, rulebook.judge(frame, standing, users)


def whys(
    specs: dict[str, SegmentSpec], words: dict[str, int] | None = None, **values: float | str
) -> dict[str, tuple[bool, list[str]]]:
    """By segment whether the user is in after judging, and why."""
    rulebook, judgement = judgement_of(specs, words or {}, **values)
    (person,) = judgement.people(np.array([0]))
    told = person.whys(range(len(rulebook.names)))
    return {
        name: (bool(judgement.member[at, 0]), told[at]) for at, name in enumerate(rulebook.names)
    }


def why(
    spec: SegmentSpec, entered_us: int | None = None, **values: float | str
) -> tuple[bool, list[str]]:
    """Whether a user with these features is in a segment after judging, and why."""
    words = {} if entered_us is None else {"Some": entered_us}
    return whys({"Some": spec}, words, **values)["Some"]


TRUE = {
    "device LIKE 'm%' ESCAPE '{'": ["device = 'mobile' (LIKE 'm%' ESCAPE '{')"],
    "device NOT ILIKE '%TV'": ["device = 'mobile' (NOT ILIKE '%TV')"],
    "starts_with(device, 'mo')": ["device = 'mobile' (STARTS WITH 'mo')"],
    "UPPER(device) IN ('TV', 'MOBILE')": ["UPPER(device) = 'MOBILE' (IN ('TV', 'MOBILE'))"],
    "CASE WHEN product_views > 3 THEN 1 ELSE 0 END = 1": [
        "CASE WHEN product_views > 3 THEN 1 ELSE 0 END = 1 (= 1), where product_views = 5"
    ],
    "CASE WHEN device LIKE 'm%' AND carts_1h > 1 THEN 'a' END LIKE 'a'": [
        "CASE WHEN device LIKE 'm%' AND carts_1h > 1 THEN 'a' END = 'a' (LIKE 'a'), where "
        "device = 'mobile', carts_1h = 2"
    ],
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
    "-(carts_1h - 2) < 1": ["-(carts_1h - 2) = 0 (< 1)"],
    "spend_30d > 0.1": ["spend_30d = 25 (> 0.1)"],
    "contains(\"shops {all}\", 'it''s')": ["\"shops {all}\" contains 'it''s'"],
    "NOT contains(\"shops {all}\", '{}')": ["\"shops {all}\" does not contain '{}'"],
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
    "device LIKE 'm%'": ["device is unknown (LIKE 'm%')"],
    "CASE WHEN product_views > 3 THEN 1 ELSE 0 END = 1": [
        "CASE WHEN product_views > 3 THEN 1 ELSE 0 END = 0 (<> 1), where product_views = 2"
    ],
    "CASE WHEN carts_1h > 1 THEN 'tv' ELSE device END STARTS WITH 'm'": [
        "CASE WHEN carts_1h > 1 THEN 'tv' ELSE device END = 'tv' (NOT STARTS WITH 'm'), where "
        "carts_1h = 2"
    ],
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
        ["min_dwell 5m is not over"],
    )
    assert why(HYSTERESIS, NOW_US - 5 * MINUTE_US + 1, product_views=4, carts_1h=0) == (
        True,
        ["product_views = 4 (>= 3)", "min_dwell 5m is not over"],
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
    assert why(SegmentSpec("spend_30d NOT BETWEEN 1 AND 30"), spend_30d=30.0000001) == (
        True,
        ["spend_30d = 30.0000001 (NOT BETWEEN 1 AND 30)"],
    )
    assert why(SegmentSpec("spend_30d > 30"), spend_30d=1234567.891) == (
        True,
        ["spend_30d = 1.23457e+06 (> 30)"],
    )
    assert why(SegmentSpec("spend_30d > 30"), spend_30d=12345678.0) == (
        True,
        ["spend_30d = 12345678 (> 30)"],
    )


IN, OUT = NOW_US - MINUTE_US, ~(NOW_US - MINUTE_US)  # since a minute


def test_who_is_in_by_another_segment() -> None:
    specs = {
        "VIP": SegmentSpec("spend_30d > 20"),
        "Call {now}": SegmentSpec("in_segment('VIP') AND carts_1h > 1"),
        "Rest": SegmentSpec("NOT in_segment('VIP')"),
        "Quiet": SegmentSpec("carts_1h = 2 AND NOT in_segment('Call {now}')"),
    }
    assert whys(specs, {"Quiet": IN}, spend_30d=25, carts_1h=2) == {
        "VIP": (True, ["spend_30d = 25 (> 20)"]),
        "Call {now}": (True, ["in segment VIP", "carts_1h = 2 (> 1)"]),
        "Rest": (False, []),
        "Quiet": (False, ["in segment Call {now}"]),
    }
    found = whys(specs, {"Call {now}": IN}, spend_30d=1, carts_1h=2)
    assert found["Call {now}"] == (False, ["not in segment VIP"])
    assert found["Rest"] == (True, ["not in segment VIP"])


def test_membership_and_not_the_condition_is_asked_for() -> None:
    specs = {
        "VIP": SegmentSpec("spend_30d > 20", min_dwell="5m"),
        "Call": SegmentSpec("in_segment('VIP')"),
    }
    assert whys(specs, {"VIP": IN}, spend_30d=1) == {
        "VIP": (True, ["min_dwell 5m is not over"]),
        "Call": (True, ["in segment VIP"]),
    }
    assert whys(specs, {"VIP": IN - 5 * MINUTE_US}, spend_30d=1) == {
        "VIP": (False, ["spend_30d = 1 (<= 20)"]),
        "Call": (False, []),
    }


def test_who_leaves_a_deleted_segment_is_told_so() -> None:
    specs = {"Gone": RETIRED, "Nobody": SegmentSpec("FALSE")}
    assert whys(specs, {"Gone": IN, "Nobody": IN}) == {
        "Gone": (False, ["the segment was deleted"]),
        "Nobody": (False, ["FALSE"]),
    }


def test_a_cooldown_is_told_when_it_is_over() -> None:
    spec = {"Some": SegmentSpec("carts_1h > 1", cooldown="5m")}
    assert whys(spec, {"Some": OUT}, carts_1h=2) == {"Some": (False, [])}
    _, judgement = judgement_of(spec, {"Some": OUT}, carts_1h=2)
    assert judgement.due_us.tolist() == [NOW_US + 4 * MINUTE_US]
    long_out = {"Some": OUT + 4 * MINUTE_US}
    assert whys(spec, long_out, carts_1h=2) == {
        "Some": (True, ["carts_1h = 2 (> 1)", "cooldown 5m is over"])
    }
    assert whys(spec, {}, carts_1h=2) == {"Some": (True, ["carts_1h = 2 (> 1)"])}


def test_dates_end_and_begin_whatever_the_dwell_says() -> None:
    over = SegmentSpec("TRUE", until="2023-11-14T23:13:20+01:00", min_dwell="5m")
    assert why(over, IN) == (False, ["until 2023-11-14T23:13:20+01:00 is over"])
    local = SegmentSpec("TRUE", until="2023-11-14T23:13:20.000001", zone="Europe/Berlin")
    assert why(local, IN) == (True, ["TRUE"])
    coming = SegmentSpec("TRUE", opens="2023-11-15")
    assert why(coming, IN) == (False, ["from 2023-11-15 is not yet"])
    assert why(SegmentSpec("TRUE", opens="2023-11-14T22:13:20"), IN) == (True, ["TRUE"])


def test_who_leaves_for_another_of_the_group() -> None:
    specs = {
        "Silver": SegmentSpec("spend_30d > 5", group="tier", priority=1),
        "Gold": SegmentSpec("spend_30d > 20", group="tier", priority=2, min_dwell="5m"),
        "Platinum": SegmentSpec("spend_30d > 50", group="tier", priority=3),
    }
    assert whys(specs, {"Silver": IN}, spend_30d=25) == {
        "Silver": (False, ["Gold comes first in the group tier"]),
        "Gold": (True, ["spend_30d = 25 (> 20)"]),
        "Platinum": (False, []),
    }
    assert whys(specs, {"Silver": IN}, spend_30d=1)["Silver"] == (False, ["spend_30d = 1 (<= 5)"])
    kept = whys(specs, {"Gold": IN}, spend_30d=60)
    assert kept["Gold"] == (True, ["spend_30d = 60 (> 20)", "min_dwell 5m is not over"])
    assert kept["Platinum"] == (False, [])
    _, judgement = judgement_of(specs, {"Gold": IN}, spend_30d=60)
    assert judgement.due_us.tolist() == [NOW_US + 4 * MINUTE_US]


def test_who_is_listed() -> None:
    spec = SegmentSpec("carts_1h > 1", leave_when="carts_1h = 0", members=("ann", 17))
    assert why(spec, None, carts_1h=0) == (True, ["listed as a member"])
    assert why(SegmentSpec(members=("ann",), cooldown="5m"), None) == (
        True,
        ["listed as a member"],
    )
    assert why(SegmentSpec(members=("bob",)), IN) == (False, ["no longer listed as a member"])


def test_who_is_held_out_of_a_segment_that_had_none() -> None:
    assert why(SegmentSpec("TRUE", holdout="99.9999%"), IN) == (
        False,
        ["held out, as 99.9999% of the users are"],
    )


def test_a_paused_segment_keeps_whom_it_has() -> None:
    paused = SegmentSpec("carts_1h > 1", paused=True, until="2020-01-01")
    assert why(paused, IN, carts_1h=0) == (True, ["the segment is paused"])
    assert why(paused, None, carts_1h=2) == (False, [])
