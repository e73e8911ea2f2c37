"""Real events, as they stand in the folder of `FLOCKWISE_DATA`, and what is asked of them."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest
import yaml

from tests.oracle import SECOND, Event

DATA: Final = Path(os.environ.get("FLOCKWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
_EXAMPLES: Final = Path(__file__).parents[1] / "deploy" / "examples"


@dataclass(frozen=True)
class Sample:
    """A file of real events, how a row is read, and features and segments over them.

    Of its users one in `every` is taken, so that a few events are some users' whole.
    """

    file: str
    read: Callable[[dict[str, str]], Event]
    asked: Callable[[], Mapping[str, Any]]
    columns: tuple[str, ...] | None = None
    every: int = 1

    @cache  # noqa: B019 - there are few samples, and they are never let go
    def events(self, most: int) -> list[Event]:
        """The first of them in the order of time, each with an id; without the file, a skip."""
        path = DATA / self.file
        if not path.is_file():
            pytest.skip(f"there is no {path}: set FLOCKWISE_DATA to the folder of the real events")
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = csv.DictReader(file, self.columns)
            some = (row for row in rows if crc32(row["user_id"].encode()) % self.every == 0)
            found = [self.read(row) for row in islice(some, most)]
        found.sort(key=lambda event: event.time)
        return [_with_id(event, at) for at, event in enumerate(found)]


def _with_id(event: Event, at: int) -> Event:
    known = {"user": event.user, "time": event.time, "type": event.type, "session": event.session}
    return Event(**known, properties=event.properties, id=f"e{at}")  # type: ignore[arg-type]


def _seconds(text: str) -> int:
    moment = datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)
    return round(moment.timestamp()) * SECOND


def _rees46(row: dict[str, str]) -> Event:
    properties = {
        "price": float(row["price"]),
        **{name: row[name] or None for name in ("brand", "category_id", "category_code")},
    }
    time, session = _seconds(row["event_time"]), row["user_session"]
    return Event(row["user_id"], time, row["event_type"], session, properties)


def _taobao(row: dict[str, str]) -> Event:
    names = {"pv": "view", "fav": "favourite", "buy": "purchase"}
    properties = {name: int(row[name]) for name in ("item_id", "category_id")}
    type_ = names.get(row["behaviour"], row["behaviour"])
    return Event(row["user_id"], int(row["at"]) * SECOND, type_, None, properties)


def _ecom(row: dict[str, str]) -> Event:
    properties = {name: row[name] for name in ("platform", "acquisition_channel")}
    time = _seconds(row["timestamp"])
    return Event(row["user_id"], time, row["event"], row["session_id"], properties)


def _example(name: str) -> Mapping[str, Any]:
    config = yaml.safe_load((_EXAMPLES / f"{name}.yaml").read_text())
    return {"features": config["features"], "segments": config["segments"]}


def _funnels() -> Mapping[str, Any]:
    return {
        "features": {
            "steps": {"funnel": ["product_view", "add_to_cart", "purchase"], "within": "2h"},
            "visits": {"sessions": "30d"},
            "pages": {"count": "any", "window": "session"},
            "platform": {"last": "platform"},
            "mails": {"count": "any", "where": "acquisition_channel = 'email'", "window": "7d"},
        },
        "segments": {
            "Carts": {"when": "steps = 2"},
            "Regulars": {"when": "visits >= 3"},
            "On Desktop": {"when": "platform = 'desktop' AND pages > 5"},
            "Mailed": {"when": "mails >= 1"},
        },
    }


_TAOBAO_COLUMNS: Final = ("user_id", "item_id", "category_id", "behaviour", "at")
SAMPLES: Final[Mapping[str, Sample]] = {
    "rees46": Sample("rees46_2019oct_17k.csv.gz", _rees46, lambda: _example("rees46")),
    "taobao": Sample(
        "taobao_1day_110k.csv.gz", _taobao, lambda: _example("taobao"), _TAOBAO_COLUMNS, every=90
    ),
    "ecom": Sample("ecom_6months_31k.csv.gz", _ecom, _funnels),
}
