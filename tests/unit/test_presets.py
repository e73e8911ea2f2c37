"""Real events, written as each tool exports them and read back, are the same events."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import pytest

from flink_job.config.presets import PRESETS
from operators.contracts.records import encode
from tests.formats import BESIDE, FORMATS, written
from tests.inputs import Ran, ran
from tests.samples import SAMPLES

_MOST: Final = 1_000  # events of each sample


def read_back(sample: str, format_: str) -> Ran:
    """What comes of a sample that is written in a format."""
    records = written(format_, SAMPLES[sample].events(_MOST))
    data = {**SAMPLES[sample].asked(), "events": {"format": format_, **BESIDE.get(format_, {})}}
    with TemporaryDirectory() as folder:
        return ran(Path(folder), {"events.json": json.dumps(records)}, data, names={})


@cache
def flat(sample: str) -> Ran:
    return read_back(sample, "flat")


def told(found: Ran) -> list[bytes]:
    """The transitions as they are published, but for their versions, which tell the wall clock."""
    return [encode(msgspec.structs.replace(each, version=0)) for each in found.transitions]


def test_every_preset_is_written() -> None:
    assert set(FORMATS) == set(PRESETS)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "flat"])
def test_real_events_in_each_format_give_the_same_transitions(sample: str, format_: str) -> None:
    found = read_back(sample, format_)
    assert told(found) == told(flat(sample))
    assert found.letters == {}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_move_many_users(sample: str) -> None:
    moves = Counter((each.segment, each.kind) for each in flat(sample).transitions)
    assert {kind for _, kind in moves} == {"enter", "leave"}
    assert len(moves) >= 6
    assert moves.total() > 50
