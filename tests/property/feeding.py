"""Profiles that are fed drawn events, and read as plain values beside the oracle's."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from operators.base.frame import Frame, Kind
from operators.events.batch import EventBatch
from operators.features.catalog import Catalog
from operators.features.profiles import Profiles
from operators.features.spec import FeatureSpec
from tests.oracle import Event, User
from tests.property.strategies import (
    FEATURES,
    GAP,
    ROUNDED,
    TILES,
    retained,
)


def catalog_of(names: list[str]) -> Catalog:
    specs = {name: msgspec.convert(FEATURES[name], FeatureSpec) for name in names}
    return Catalog.compile(specs, GAP)


def batch_of(catalog: Catalog, chosen: list[Event], by_id: bool) -> EventBatch:
    known = {name: code for code, name in enumerate(catalog.event_types)}
    prices = [event.properties["price"] for event in chosen]
    return EventBatch(
        users=[event.user for event in chosen],
        time_us=np.array([event.time for event in chosen], np.int64),
        type=np.array([known.get(event.type, len(known)) for event in chosen], np.int64),
        session=[event.session for event in chosen] if by_id else None,
        numbers={"price": np.array(prices, np.float64)} if "price" in catalog.numbers else {},
        texts={"shop": [e.properties["shop"] for e in chosen]} if "shop" in catalog.texts else {},
        source=np.arange(len(chosen)),
        ids=[event.id for event in chosen],
    )


def people_of(catalog: Catalog, records: list[tuple[str, dict[str, Any]]]) -> EventBatch:
    """Records of a roster, each a user and their traits, as they are decoded."""
    numbers, texts = catalog.traits
    prices = [traits["price"] for _, traits in records]
    return EventBatch(
        users=[user for user, _ in records],
        time_us=np.zeros(len(records), np.int64),
        type=np.full(len(records), len(catalog.event_types)),
        session=None,
        numbers={"price": np.array(prices, np.float64)} if "price" in numbers else {},
        texts={"shop": [traits["shop"] for _, traits in records]} if "shop" in texts else {},
        source=np.arange(len(records)),
    )


def feed(profiles: Profiles, chosen: list[Event], by_id: bool) -> list[int]:
    """Bring the profiles forward by one batch; gives the positions of the late events."""
    arrived = profiles.arrive(batch_of(profiles.catalog, chosen, by_id))
    profiles.journal.begin(arrived.arrivals.touched)
    profiles.add(arrived.arrivals)
    return arrived.late.tolist()


def read(profiles: Profiles, user: str, now: int) -> dict[str, Any]:
    """All features of a user as plain values, None for null."""
    rows = np.array([profiles.table.index[user]])
    moments = np.array([now])
    frame = Frame(
        profiles.catalog.columns,
        profiles.evaluate(rows, moments).values,
        moments,
        profiles.table.dictionary,
    )
    plain: dict[str, Any] = {}
    for name, column in frame.columns.items():
        if column.kind is Kind.CATEGORY:
            plain[name] = frame.text(name, 0)
        elif column.kind is Kind.LIST:
            plain[name] = frame.texts(name, 0)
        else:
            number = float(frame.numbers(name)[0])
            plain[name] = None if math.isnan(number) else number
    return plain


def same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether the values of all features are equal, some but for their last digits."""
    return found.keys() == expected.keys() and all(
        math.isclose(value, expected[name], rel_tol=1e-9, abs_tol=1e-9)
        if name in ROUNDED and None not in (value, expected[name])
        else value == expected[name]
        for name, value in found.items()
    )


def oracle_of(names: list[str], by_id: bool, ids: bool = False) -> User:
    specs = {name: FEATURES[name] for name in names}
    return User(specs, TILES, retained(names, ids), GAP, by_id)
