"""What features are called in savepoints stays as it was: golden values, feature by feature.

`feature_golden.jsonl` was written before kinds had a registry. `python -m
tests.unit.test_feature_golden FILE` writes that of the code as it is: lines may be added for new
kinds, and none that stands there may change, since a savepoint of before must load.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from operators.features.catalog import Catalog
from operators.features.kinds.options import EventTypes
from operators.features.kinds.registry import FEATURE_KINDS
from operators.features.listing import listed
from operators.features.profiles import Profiles
from operators.features.spec import DECLARED, FeatureSpec, struct_fields

GOLDEN: Final = Path(__file__).with_name("feature_golden.jsonl")
OF_EVERYONE: Final = ("newest_us", "due_us", "evaluated_us")
Cases = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]
GAP_US: Final = 30 * 60_000_000
SHOES: Final = "price > 3 AND shop = 'shoes'"
WINDOWS: Final[list[dict[str, Any]]] = [
    {"window": "1h"},
    {"window": "lifetime"},
    {"window": "7d", "tile": "1d"},
    {"window": "session"},
]
AGED: Final[list[dict[str, Any]]] = [{}, {"unit": "days"}, {"unit": "seconds", "where": SHOES}]
FIRST_OR_LAST: Final[list[dict[str, Any]]] = [
    {},
    {"of": "view", "default": "none"},
    {"type": "number"},
    {"type": "number", "default": 3.5, "of": ["view", "cart"]},
    {"one_hot": ["a", "b"], "where": SHOES},
]
CASES: Final[Cases] = {
    "count": ([{"count": "view"}, {"count": ["cart", "view"], "where": SHOES}], WINDOWS),
    **{
        kind: ([{kind: "price"}, {kind: "price", "of": ["view"], "where": SHOES}], WINDOWS)
        for kind in ("sum", "mean", "min", "max")
    },
    "median": ([{"median": "price"}, {"median": "price", "of": "view"}], WINDOWS[:3]),
    "percentile": ([{"percentile": "price", "at": at} for at in (0, 37.5, 90)], WINDOWS[:3]),
    "last": ([{"last": "plan"}], FIRST_OR_LAST),
    "first": ([{"first": "plan"}], FIRST_OR_LAST),
    "since": ([{"since": "view"}, {"since": "any", "has": "plan"}], AGED),
    "since_first": (
        [{"since_first": ["view", "cart"]}, {"since_first": "any", "has": "age", "type": "number"}],
        AGED,
    ),
    "since_change": (
        [{"since_change": "plan"}, {"since_change": "age", "type": "number", "of": "view"}],
        AGED,
    ),
    "hour": ([{"hour": "view"}], [{}, {"zone": "Asia/Tokyo"}, {"where": SHOES}]),
    "weekday": ([{"weekday": ["view", "cart"]}], [{}, {"zone": "UTC"}, {"where": SHOES}]),
    "distinct": ([{"distinct": "shop"}, {"distinct": "shop", "of": "view"}], WINDOWS),
    "most_frequent": (
        [{"most_frequent": "shop"}, {"most_frequent": "shop", "of": "view", "one_hot": ["a"]}],
        WINDOWS,
    ),
    "unique_list": (
        [{"unique_list": "shop"}, {"unique_list": "shop", "most": 3, "where": SHOES}],
        WINDOWS,
    ),
    "decayed_count": (
        [{"decayed_count": "view"}, {"decayed_count": "any", "where": SHOES}],
        [{"half_life": "1d"}, {"half_life": "1s"}],
    ),
    "decayed_sum": (
        [{"decayed_sum": "price"}, {"decayed_sum": "price", "of": "view", "where": SHOES}],
        [{"half_life": "1d"}, {"half_life": "1h"}],
    ),
    "rate": (
        [{"rate": "view", "window": "1h"}, {"rate": "any", "window": "2h", "where": SHOES}],
        [{"baseline": "7d"}, {"baseline": "1d"}],
    ),
    "unmatched": (
        [
            {"unmatched": "cart", "by": "purchase", "same": "shop"},
            {"unmatched": ["cart", "view"], "by": ["a", "b"], "same": "plan", "where": SHOES},
        ],
        WINDOWS[:3],
    ),
    "funnel": ([{"funnel": ["view", "any", "cart"]}], [{"within": "30m"}, {"within": "1d"}]),
    "funnel_time": (
        [{"funnel_time": ["view", "cart"], "within": "30m"}],
        [{}, {"unit": "seconds"}],
    ),
    "duration": ([{"duration": "session"}], [{}, {"unit": "hours"}]),
    "sessions": ([{"sessions": "30d"}, {"sessions": "lifetime"}], [{}]),
    "sessions_tiled": ([{"sessions": "30d", "tile": "1d"}], [{}]),
    "returned_after": ([{"returned_after": "session"}], [{}, {"unit": "days"}]),
    "per_session": ([{"per_session": "view"}, {"per_session": "any"}], WINDOWS[:3]),
    "bounce_rate": ([{"bounce_rate": "30d"}, {"bounce_rate": "lifetime"}], [{}]),
    "bounce_rate_tiled": ([{"bounce_rate": "30d", "tile": "1d"}], [{}]),
}
# Kinds, and windows of kinds, that came after the first golden values.
LATER: Final[Cases] = {
    "active_days": (
        [{"active_days": "view"}, {"active_days": ["view", "cart"], "where": SHOES}],
        [{"window": "30d"}, {"window": "last_month"}, {"window": "7d", "zone": "Asia/Tokyo"}],
    ),
    "calendar": (
        [{"count": "view"}, {"mean": "price", "of": "view"}, {"min": "price", "where": SHOES}],
        [
            *({"window": "today"}, {"window": "yesterday", "zone": "Europe/Berlin"}),
            *({"window": "this_week"}, {"window": "this_month"}, {"window": "last_month"}),
        ],
    ),
    "calendar_now": (
        [
            *({"distinct": "shop"}, {"most_frequent": "shop"}, {"unique_list": "shop"}),
            *({"median": "price"}, {"unmatched": "cart", "by": "purchase", "same": "shop"}),
        ],
        [{"window": "today"}, {"window": "this_month", "zone": "Europe/Berlin"}],
    ),
    "exact": (
        [
            *({"count": "view"}, {"sum": "price"}, {"mean": "price"}, {"max": "price"}),
            *({"median": "price"}, {"unique_list": "shop"}),
        ],
        [{"window": "1h", "exact": True}, {"window": "7d", "tile": "1d", "exact": True}],
    ),
    "calendar_sessions": (
        [{"sessions": "yesterday"}, {"bounce_rate": "today"}],
        [{}, {"zone": "Asia/Tokyo"}],
    ),
}


def features(cases: Cases) -> dict[str, dict[str, Any]]:
    return {
        f"{kind}_{at}": given
        for kind, (heads, options) in cases.items()
        for at, given in enumerate({**head, **option} for head in heads for option in options)
    }


FEATURES: Final = features(CASES | LATER)


def cases() -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """Each feature alone, and all of the first together."""
    return {**{name: {name: given} for name, given in FEATURES.items()}, "all": features(CASES)}


def shown(record: Any) -> str:
    """The fields of a dataclass that say something."""
    told = dataclasses.asdict(record).items()
    return " ".join(f"{name}={value}" for name, value in told if value not in (None, "", 0, ()))


def described(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All that state, and those who judge, are told of some features."""
    specs = {name: msgspec.convert(each, FeatureSpec) for name, each in given.items()}
    catalog = Catalog.compile(specs, GAP_US)
    table = Profiles(catalog).table
    encoded = msgspec.json.encode(specs, order="deterministic")
    return {
        "encoded": sha256(encoded).hexdigest()[:16],
        "identities": catalog.identities,
        "columns": [shown(column) for column in catalog.columns.values()],
        "listed": [shown(each) for each in listed(specs, catalog)],
        "read": [list(catalog.event_types), sorted(catalog.numbers), sorted(catalog.texts)],
        "retained": str(catalog.retained),
        "sessions": catalog.uses_sessions,
        "fields": [shown(field) for field in table.layout if field.name not in OF_EVERYONE],
        "sets": table.set_labels,
    }


def golden() -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return {line.pop("case"): line for line in lines}


def test_every_kind_has_golden_values() -> None:
    assert golden().keys() == cases().keys()
    assert {next(iter(given)) for given in FEATURES.values()} == set(FEATURE_KINDS)


@pytest.mark.parametrize("case", cases())
def test_what_a_savepoint_knows_of_a_feature_has_not_changed(case: str) -> None:
    assert described(cases()[case]) == golden()[case]


def test_a_kind_that_comes_later_leaves_the_others_what_they_were() -> None:
    later: dict[str, Any] = {"later": EventTypes("later")}
    grown = msgspec.defstruct("Grown", struct_fields({**DECLARED, **later}))
    for given in FEATURES.values():
        known = msgspec.convert(given, FeatureSpec)
        assert msgspec.json.encode(msgspec.convert(given, grown)) == msgspec.json.encode(known)
    assert msgspec.convert({"later": "view"}, grown) != grown()


if __name__ == "__main__":
    told = ({"case": case, **described(given)} for case, given in cases().items())
    Path(sys.argv[1]).write_text("".join(f"{json.dumps(each)}\n" for each in told))
