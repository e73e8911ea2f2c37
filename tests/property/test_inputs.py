"""Whatever is written in whatever format: each record is used, or refused with a reason, or told.

Records are drawn in the shape of each format, then spoilt: fields of other kinds, missing, null,
too many, bytes that are broken. They come as files of each kind, too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flink_job.config.model import FileSource
from flink_job.config.presets import PRESETS
from flink_job.inspection.survey import Survey
from flink_job.inspection.wanted import Wanted
from flink_job.staging.stage import Staging, stage
from operators.base.errors import UsageError
from operators.events.batch import EventBatch
from operators.events.decode import Decoded, EventDecoder
from operators.events.spec import EventsSpec
from tests.effort import examples
from tests.formats import BESIDE, FORMATS, written
from tests.oracle import SECOND, Event

LATEST_US: Final = 1_800_000_000_000_000
NUMBERS: Final = frozenset({"price"})
TEXTS: Final = frozenset({"shop", "plan", "utm.source", "items[0].sku"})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["view", "12.5", "2026-11-01T10:00:00Z", "", "x" * 600, "x" * 1_100]),
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["key", "value", "price", "shop", "a"]), inner, max_size=3),
    ),
    max_leaves=6,
)
events = st.builds(
    Event,
    user=st.sampled_from(["ann", "b\u00f6b"]),
    time=st.integers(1_790_000_000, 1_790_000_009).map(lambda second: second * SECOND),
    type=st.sampled_from(["view", "pv"]),
    session=st.sampled_from([None, "s1"]),
    properties=st.fixed_dictionaries(
        {},
        optional={
            "price": st.sampled_from([1.5, 0.0, 2]),
            "shop": st.sampled_from(["a", "\u00e4"]),
            "plan": st.sampled_from(["pro", None]),
        },
    ),
    id=st.sampled_from(["e1", "e2"]),
)


def spec_of(format_: str, **more: Any) -> EventsSpec:
    """The events of a format, as a configuration has them."""
    given_ = {"format": format_, **PRESETS[format_], **BESIDE.get(format_, {}), **more}
    return msgspec.convert(given_, EventsSpec)


@cache
def decoder(spec: bytes) -> EventDecoder:
    made = msgspec.json.decode(spec, type=EventsSpec)
    return EventDecoder(made, ("view",), NUMBERS, TEXTS, keyed=False)


@st.composite
def spoilt(draw: st.DrawFn, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in which some fields are others, at its top or in an object of it."""
    made = dict(record)
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*made, *NUMBERS, *TEXTS, "properties.price", "traits"]))
        within = made.get(name)
        if isinstance(within, dict) and draw(st.booleans()):
            made[name] = draw(spoilt(within))
        elif isinstance(within, list) and within and draw(st.booleans()):
            more = draw(st.lists(st.sampled_from(within) | junk, max_size=3))
            made[name] = [*within, *more]
        elif draw(st.booleans()):
            made[name] = draw(junk)
        else:
            made.pop(name, None)
    return made


@st.composite
def records(draw: st.DrawFn, format_: str) -> list[bytes]:
    """Records as they stand in a topic, or in lines: some whole, some spoilt, some no JSON."""
    made = []
    for record in written(format_, draw(st.lists(events, max_size=5))):
        some = draw(st.sampled_from(["whole", "whole", "spoilt", "broken"]))
        value = json.dumps(draw(spoilt(record)) if some == "spoilt" else record).encode()
        if some == "broken":
            at = draw(st.integers(0, len(value)))
            value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 3)) :]
        made.append(value)
    return made


def accounted(decoded: Decoded, records_: int) -> bool:
    """Whether each record is an event, or refused, and says why."""
    used, refused = decoded.events.source.tolist(), [each.source for each in decoded.rejected]
    told = all(each.reason and each.detail for each in decoded.rejected)
    return sorted([*used, *refused]) == list(range(records_)) and told


def columns(events_: EventBatch) -> list[Any]:
    """All but where they stood; texts of numbers, since NaN is not equal to itself."""
    numbers = {name: list(map(repr, of.tolist())) for name, of in events_.numbers.items()}
    nulls = {name: of.tolist() for name, of in events_.taken_back.items()}
    codes = (events_.time_us.tolist(), events_.type.tolist())
    return [
        list(events_.users),
        *codes,
        events_.session,
        events_.ids,
        events_.texts,
        numbers,
        nulls,
    ]


OPTIONS: Final = [{}, {"takes_back": True, "id": "content", "on_bad_value": "missing"}]


@pytest.mark.parametrize(("format_", "more"), product(FORMATS, OPTIONS))
@settings(max_examples=examples(25), deadline=None)
@given(data=st.data())
def test_each_record_has_its_fate_however_it_is_decoded(
    format_: str, more: dict[str, Any], data: st.DataObject
) -> None:
    """In a batch that is decoded as fast as can be, and alone, beside one that is no JSON."""
    values = data.draw(records(format_))
    spec = msgspec.json.encode(spec_of(format_, **more))
    together = decoder(spec)
    for way in together._reader._ways:
        way._passed_over = 0
    decoded = together.decode((), values, LATEST_US)
    assert accounted(decoded, len(values))
    fates = {each.source: (each.reason, each.detail) for each in decoded.rejected}
    unread = {(each.source, each.detail) for each in decoded.unread}
    for at, value in enumerate(values):
        alone = together.decode((), [value, b"{"], LATEST_US)
        known = {each.source: (each.reason, each.detail) for each in alone.rejected}
        assert known.get(0) == fates.get(at)
        assert {each.detail for each in alone.unread} == {x for a, x in unread if a == at}
        own = decoded.events.where(decoded.events.source == at)
        assert columns(alone.events) == columns(own)


def as_table(records_: Sequence[Mapping[str, Any]], separator: str) -> str:
    text = io.StringIO()
    names = sorted({name for record in records_ for name in record})
    writer = csv.DictWriter(text, names, delimiter=separator)
    writer.writeheader()
    writer.writerows(records_)
    return text.getvalue()


def as_parquet(records_: Sequence[Mapping[str, Any]]) -> bytes:
    file = io.BytesIO()
    names = {name: None for record in records_ for name in record}
    rows = [{**names, **record} for record in records_]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def files(records_: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    return {
        "a.jsonl": "\n".join(map(json.dumps, records_)).encode(),
        "a.json": json.dumps(records_, indent=1).encode(),
        "a.csv": as_table(records_, ",").encode(),
        "b.csv": as_table(records_, ";").encode("utf-16"),
        "a.tsv": as_table(records_, "\t").encode(),
    }


def staged(name: str, content: bytes, spec: EventsSpec) -> Survey | None:
    """What a file holds, as it is staged; None if a line says that it can't be read."""
    survey = Survey(Wanted(spec, {"view": ""}, NUMBERS, TEXTS), LATEST_US)
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        said = ""
        try:
            stage(FileSource([str(path)]), survey, Path(folder) / "staged", Staging())
        except UsageError as error:
            said = str(error)
    assert "\n" not in said
    assert not said or name in said
    return None if said else survey


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=examples(12), deadline=None)
@given(data=st.data())
def test_the_records_of_files_add_up(format_: str, data: st.DataObject) -> None:
    """Each record of a file is counted once: used, or refused by a reason; or the file is told."""
    drawn = written(format_, data.draw(st.lists(events, min_size=1, max_size=4)))
    made = [data.draw(spoilt(each)) for each in drawn]
    name, content = data.draw(st.sampled_from(sorted(files(made).items())))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + data.draw(st.binary(max_size=3)) + content[at:]
    survey = staged(name, content, spec_of(format_))
    if survey is not None:
        assert survey.records == survey.usable + survey.rejected.total()
        assert all(survey.examples[reason] for reason in survey.rejected)


@pytest.mark.parametrize("format_", FORMATS)
def test_parquet_files_add_up(format_: str) -> None:
    some = [Event("ann", 1_790_000_000 * SECOND + n, "view", "s1", {"price": 1.5, "shop": "a"}, "e")
            for n in (0, SECOND)]  # fmt: skip
    survey = staged("a.parquet", as_parquet(written(format_, some)), spec_of(format_))
    assert survey is not None
    assert (survey.records, survey.usable) == (2, 2)
    assert np.array_equal(survey.having["price"], [2, 0])
