"""What a condition over the properties of events takes each of them for."""

from __future__ import annotations

import json

import msgspec
import pytest

from operators.base.errors import RuleError
from operators.events.decode import EventDecoder
from operators.events.spec import EventsSpec
from operators.features.catalog import Catalog
from operators.features.filters import PropertyFilter
from operators.features.spec import FeatureSpec
from tests.property.strategies import GAP


@pytest.mark.parametrize(
    ("condition", "numbers", "texts"),
    [
        ("price > 100 AND category = 'shoes'", {"price"}, {"category"}),
        ("'shoes' <> category OR (brand) IN ('a', ('b'))", set(), {"category", "brand"}),
        ("category = ('shoes')", set(), {"category"}),
        ("price = list_price", {"price", "list_price"}, set()),
        ("coupon IS NOT NULL AND NOT (brand) IS NULL", set(), {"coupon", "brand"}),
        ("price IS NOT NULL AND price <> 3", {"price"}, set()),
        ("category IS NULL OR category = 'shoes'", set(), {"category"}),
        ("ABS(price) IS NULL", {"price"}, set()),
        ("category LIKE 's%' AND price > 3", {"price"}, {"category"}),
        ("starts_with(category, 's') OR brand NOT ILIKE 'n%'", set(), {"category", "brand"}),
        ("LOWER(category) = brand", set(), {"category", "brand"}),
        ("a = b AND b = c AND c = 'x' AND d = e", {"d", "e"}, {"a", "b", "c"}),
        (
            "CASE WHEN price > 3 THEN category ELSE 'none' END = brand",
            {"price"},
            {"category", "brand"},
        ),
        ("CASE WHEN brand IS NULL THEN price END > 3", {"price"}, {"brand"}),
    ],
)
def test_a_property_is_what_it_is_compared_with(
    condition: str, numbers: set[str], texts: set[str]
) -> None:
    found = PropertyFilter(condition)
    assert (found.numbers, found.texts) == (numbers, texts)


def test_whole_numbers_that_floats_do_not_tell_apart_are_refused() -> None:
    with pytest.raises(RuleError) as caught:
        PropertyFilter("category_id = 2053013555631882655")
    assert str(caught.value) == (
        "column 15: 2053013555631882655 is beyond 2^53, where whole numbers next to each other are "
        "the same: write an id as a text, '2053013555631882655', and an amount as "
        "2053013555631882655.0"
    )


def test_an_event_is_used_whatever_it_has_where_it_is_asked_whether_it_has_any() -> None:
    spec = {"count": "buy", "window": "1h", "where": "coupon IS NOT NULL"}
    catalog = Catalog.compile({"x": msgspec.convert(spec, FeatureSpec)}, GAP)
    decoder = EventDecoder(
        EventsSpec(time_unit="s"), catalog.event_types, catalog.numbers, catalog.texts, keyed=False
    )
    event = {"user_id": "ann", "event_time": 1_790_000_000, "event_type": "buy"}
    records = [json.dumps({**event, "coupon": x}).encode() for x in ("X", 7, 2.5, True, "", None)]
    decoded = decoder.decode([], records, 1_800_000_000_000_000)
    assert decoded.rejected == []
    assert decoded.events.texts["coupon"] == ["X", "7", "2.5", "true", None, None]
