"""Events as JSON: what a reader gets is what the columns hold, and bad records are bad."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flink_job.demo.bad_records import KINDS
from flink_job.demo.catalogue import product_ids
from flink_job.demo.events import CHUNK, KeyedRecord, records, write_jsonl
from flink_job.demo.personas import PERSONAS
from flink_job.demo.population import Population
from flink_job.demo.simulation import Simulation, simulate
from flink_job.demo.vocabulary import CATEGORIES, DEVICES, DISCOUNTS, EVENT_TYPES, REFERRERS
from operators.base.errors import FlockwiseError

END_US = 1_764_016_200_000_000
END = datetime.fromtimestamp(END_US / 1e6, UTC)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    # Enough for three chunks, so that their borders are tried too.
    simulated = simulate(Population(500, 5, END_US), 9)
    assert len(simulated) > 2 * CHUNK
    return simulated


@pytest.fixture(scope="module")
def spoilt() -> Simulation:
    return simulate(Population(500, 5, END_US, bad_share=0.01), 9)


def expected(simulation: Simulation, at: int) -> dict[str, object]:
    """One event, read from the columns one field at a time."""
    number = int(simulation.session[at])
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(simulation.time_us[at]))
    fields: dict[str, object] = {
        "user_id": f"shopper-{simulation.user[at]:05d}",
        "event_id": f"{simulation.tag}-e{at:08d}",
        "event_time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event_type": EVENT_TYPES[simulation.kind[at]],
        "session_id": f"{simulation.tag}-s{number:07d}",
        "category": list(CATEGORIES)[simulation.category[at]],
        "device": DEVICES[simulation.device[number]],
        "referrer": REFERRERS[simulation.referrer[number]],
    }
    if simulation.product[at] >= 0:
        fields["product_id"] = product_ids()[simulation.product[at]]
        fields["price"] = int(simulation.price_cents[at]) / 100
    if simulation.quantity[at] > 0:
        fields["quantity"] = int(simulation.quantity[at])
    if simulation.discount[at] >= 0:
        fields["discount_code"] = list(DISCOUNTS)[simulation.discount[at]]
    return fields


def test_every_event_decodes_to_its_columns(simulation: Simulation) -> None:
    decoded = [json.loads(value) for _, value in records(simulation)]
    assert len(decoded) == len(simulation)
    for at in range(0, len(simulation), 37):
        assert decoded[at] == expected(simulation, at)


def test_the_key_is_the_user(simulation: Simulation) -> None:
    assert all(json.loads(value)["user_id"] == key.decode() for key, value in records(simulation))


def test_ids_are_given_once(spoilt: Simulation) -> None:
    ids = Counter(decoded["event_id"] for decoded in readable(spoilt) if "event_id" in decoded)
    assert ids.most_common(1)[0][1] == 1


def test_ids_of_two_simulations_differ(simulation: Simulation) -> None:
    later = replace(simulation.population, end_us=END_US + 1_000)
    assert simulate(later, 9).tag != simulation.tag
    assert simulate(simulation.population, 10).tag != simulation.tag


def test_no_field_names_a_persona(simulation: Simulation) -> None:
    for _, value in records(simulation):
        assert not set(json.loads(value).values()) & {persona.name for persona in PERSONAS}


def test_the_file_holds_the_records(spoilt: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    told: list[int] = []
    written = write_jsonl(spoilt, path, told.append)
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert lines == [value for _, value in records(spoilt)]
    assert written == len(lines) == sum(told) == len(spoilt) + len(spoilt.bad)


def test_the_same_seed_writes_the_same_bytes(spoilt: Simulation, tmp_path: Path) -> None:
    write_jsonl(spoilt, tmp_path / "one")
    write_jsonl(simulate(spoilt.population, 9), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_that_cannot_be_written_is_one_readable_line(
    simulation: Simulation, tmp_path: Path
) -> None:
    with pytest.raises(FlockwiseError, match=r"can't write the events to .*: No such file"):
        write_jsonl(simulation, tmp_path / "nowhere" / "events.jsonl")


def fault(key: bytes, value: bytes) -> str | None:
    """What a plain reader finds wrong with a record, by the names of KINDS."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return "not JSON"
    if not isinstance(decoded, dict):
        return "not an object"
    if decoded.get("user_id") != key.decode():
        return "missing user"
    if "event_type" not in decoded:
        return "missing type"
    try:
        moment = datetime.fromisoformat(decoded["event_time"])
    except ValueError:
        return "garbled time"
    return "future time" if moment > END + timedelta(days=365) else None


def readable(simulation: Simulation) -> list[dict[str, object]]:
    broken = {"not JSON", "not an object"}
    return [json.loads(raw) for key, raw in records(simulation) if fault(key, raw) not in broken]


def test_bad_records_are_bad_in_the_way_they_are_counted(spoilt: Simulation) -> None:
    faults = Counter(fault(*record) for record in records(spoilt))
    assert faults.pop(None) == len(spoilt)
    assert faults == spoilt.bad.counts()
    assert set(faults) == set(KINDS)


def test_a_bad_record_stands_behind_the_event_it_was_made_of(
    simulation: Simulation, spoilt: Simulation
) -> None:
    good: list[KeyedRecord] = []
    after: list[int] = []
    for key, value in records(spoilt):
        if fault(key, value) is None:
            good.append((key, value))
        else:
            assert key == good[-1][0]
            after.append(len(good) - 1)
    assert after == spoilt.bad.after.tolist()
    assert good == list(records(simulation))


def test_good_records_have_no_fault(simulation: Simulation) -> None:
    assert {fault(*record) for record in records(simulation)} == {None}
