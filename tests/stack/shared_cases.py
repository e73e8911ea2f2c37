"""The shared cases of inputs as they come, and what is wanted of each, by its expected.md.

Where a user has to say something that the case's configuration does not, `say` does; the same
case as it is then has what it must tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.stack.as_it_comes import Wanted


@dataclass(frozen=True)
class SharedCase:
    """A folder, and what its configuration says of `events` besides."""

    folder: str
    wanted: Wanted
    say: Mapping[str, Any] = field(default_factory=dict)

    def said(self, config: dict[str, Any]) -> dict[str, Any]:
        """The configuration of the folder with what is said besides; None takes a field out."""
        events = {**config["events"], **self.say}
        said = {name: value for name, value in events.items() if value is not None}
        return {**config, "events": said}

    def __str__(self) -> str:
        return f"{self.folder}, with {', '.join(self.say)}" if self.say else self.folder


def _buyers(*users: str, **more: Any) -> Wanted:
    return Wanted({"Buyers": set(users)}, **more)


SHARED: Final = [
    SharedCase(
        "amplitude-export",
        Wanted(
            {"Lookers": set()},
            {"missing_user": 2},
            ["2 of 4 records can't be used: missing_user"],
        ),
    ),
    SharedCase(
        "amplitude-export", Wanted({"Lookers": {"dev-1"}}), {"user": ["user_id", "device_id"]}
    ),
    SharedCase("clock-ahead-in-a-long-file", Wanted(moves=1_000)),
    SharedCase("csv-index-column", _buyers("ana", "ben")),
    SharedCase(
        "csv-open-quote",
        _buyers("ana", "cid", "dot", letters={"bad_row": 1}, says=["bad_row (line 3: a quote is"]),
    ),
    SharedCase("csv-semicolons", _buyers("ana", "ben", says=["are separated by semicolons"])),
    SharedCase("json-in-one-piece", _buyers("ana", "ben", "cid")),
    SharedCase(
        "large-whole-numbers",
        Wanted(code=2, says=["write an id as a text, '2053013555631882655'"]),
    ),
    SharedCase("lifetime-out-of-order", Wanted({"Repeat": {"ana"}, "Big": {"ana"}})),
    SharedCase("lines-with-a-mark", _buyers("ana", "ben")),
    SharedCase(
        "local-times",
        Wanted(
            {
                "Late Evening": {"ana", "dot"},
                "Night": {"ben"},
                "Saturday": {"ana"},
                "Sunday": {"ben", "cid", "dot"},
            }
        ),
        {"zone": "Europe/Berlin"},
    ),
    SharedCase(
        "names-that-never-occur",
        Wanted(
            {"Never Bought": {"ana", "ben"}, "Low Value": {"ana", "ben"}},
            says=[
                "no event is of the type 'purchase' in 3 records, did you mean 'Purchase', which "
                "was seen 2 times?",
                "none of 2 events of type Purchase has 'prise', did you mean 'price'?",
            ],
        ),
    ),
    SharedCase(
        "newest-first",
        Wanted(
            {"Regulars": {"ana", "ben"}, "Buyers": {"ana"}},
            since={
                ("ana", "Regulars"): "2026-03-08",
                ("ben", "Regulars"): "2026-03-09",
                ("ana", "Buyers"): "2026-03-01T10:13",
            },
        ),
    ),
    SharedCase(
        "nothing-usable",
        Wanted(
            code=2,
            says=["mean 'UserID'?", "mean 'EventTime'?", "mean 'EventType'?"],
        ),
    ),
    SharedCase(
        "one-clock-ahead",
        Wanted(
            {"Active Buyers": {"ana", "ben", "cid"}},
            {"future": 1},
            ["1 event lies far ahead of all others, up to 2026-06-04"],
        ),
    ),
    SharedCase(
        "posthog-events",
        Wanted({"Spenders": {"u1"}, "Two Visits": {"u1"}, "Saw Pricing": {"u1"}}),
    ),
    SharedCase(
        "seconds-as-milliseconds",
        Wanted(code=2, says=["as milliseconds all times lie in 1970: say time_unit: s"]),
    ),
    SharedCase(
        "segment-calls",
        Wanted({"Spenders": {"u1"}, "Pro": {"u1"}, "No Spend": {"a1"}}),
        {"format": "segment", "user": None, "time": None, "type": None, "id": None},
    ),
    SharedCase(
        "thousands-separator",
        Wanted(
            {"Buyers": {"ana", "ben"}},
            {"bad_value": 3},
            ["3 of 5 records can't be used: bad_value"],
        ),
    ),
    SharedCase(
        "thousands-separator",
        Wanted(
            {"Big Spenders": {"ana", "cid"}, "Buyers": {"ana", "ben", "cid", "dot"}},
            says=["1 value of 5 events can't be read, and is missing: 'value': expected a finite"],
        ),
        {"number": {"thousands": ","}, "on_bad_value": "missing"},
    ),
    SharedCase("trait-taken-back", Wanted({"Pro": {"ana", "ben"}})),
    SharedCase("trait-taken-back", Wanted({"Pro": {"ben"}}, moves=3), {"takes_back": True}),
    SharedCase("types-as-numbers", _buyers("1")),
    SharedCase(
        "users-called-null",
        Wanted({"VIP": {"null", "undefined"}}, says=["who may be nobody"]),
    ),
    SharedCase(
        "users-called-null",
        Wanted(letters={"missing_user": 14}, says=["is nobody (events.nobody)"]),
        {"nobody": ["null", "undefined", "[object Object]", "None"]},
    ),
]
