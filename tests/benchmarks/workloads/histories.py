"""Real histories of two shops, as events of the shape that the demo's shop has."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tests.benchmarks.workloads.shop import renamed, shop
from tests.benchmarks.workloads.workload import Records

ROOT: Final = Path(__file__).parents[3]
DATA: Final = Path(os.environ.get("FLOCKWISE_DATA", ROOT.parent / "shared" / "data"))
FILES: Final = {
    "ecom_6months": "ecom_6months_31k.csv.gz",
    "rees46": "rees46_2019oct_17k.csv.gz",
}
AS_OF: Final = {
    "ecom_6months": "2024-06-30T00:00:00Z",
    "rees46": "2019-10-01T02:50:00Z",
}
_TYPES: Final = {"product_view": "view", "add_to_cart": "cart"}  # of ecom_6months; others stay

_encode = msgspec.json.Encoder().encode


def history(name: str) -> Iterator[tuple[bytes, bytes]]:
    """The events of a file in their order, as keys and values.

    Raises:
        FileNotFoundError: it is not in the folder of the data.
    """
    with gzip.open(DATA / FILES[name], "rt", newline="") as file:
        for row in csv.DictReader(file):
            event = {field: value for field, value in _READ[name](row).items() if value}
            yield row["user_id"].encode(), _encode(event)


def simulated(end_us: int) -> Iterator[tuple[bytes, bytes]]:
    """What stands in for a history where there is no data."""
    return shop(end_us, 30_000, 600)


def copies(given: list[tuple[bytes, bytes]], count: int) -> Records:
    """The same history so often side by side, each time of users of their own."""
    for user, value in given:
        for copy in range(count):
            yield renamed(user, value, b"%b-%d" % (user, copy))


def _ecom(row: Mapping[str, str]) -> dict[str, str | float | None]:
    return {
        "user_id": row["user_id"],
        "event_time": row["timestamp"].replace(" ", "T") + "Z",
        "event_type": _TYPES.get(row["event"], row["event"]),
        "session_id": row["session_id"],
        "device": row["platform"],
        "referrer": row["acquisition_channel"],
    }


def _rees46(row: Mapping[str, str]) -> dict[str, str | float | None]:
    return {
        "user_id": row["user_id"],
        "event_time": row["event_time"].removesuffix(" UTC").replace(" ", "T") + "Z",
        "event_type": row["event_type"],
        "session_id": row["user_session"],
        "category": row["category_code"] or None,
        "product_id": row["product_id"],
        "price": float(row["price"]),
    }


_READ: Final[Mapping[str, Callable[[Mapping[str, str]], Mapping[str, str | float | None]]]] = {
    "ecom_6months": _ecom,
    "rees46": _rees46,
}
