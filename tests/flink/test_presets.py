"""The job itself, over visits as Matomo exports them, tells what the same events do without it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from operators.contracts.records import Transition, encode
from tests.flink.harness import config_of, run_job
from tests.formats import BESIDE, written
from tests.inputs import ran
from tests.samples import SAMPLES

pytestmark = pytest.mark.flink


def by_user(transitions: Iterable[Transition]) -> dict[str, list[bytes]]:
    """What was told of each user, in order, but for versions, which tell the wall clock."""
    found: dict[str, list[bytes]] = {}
    for each in transitions:
        found.setdefault(each.user, []).append(encode(msgspec.structs.replace(each, version=0)))
    return found


def test_visits_that_the_job_reads(tmp_path: Path) -> None:
    sample = SAMPLES["rees46"]
    events, asked = sample.events(1_000), sample.asked()
    (tmp_path / "visits.json").write_text(json.dumps(written("matomo", events)))
    matomo = config_of(**asked, files=["visits.json"], events={"format": "matomo"})
    matomo["source"] = {"files": {"paths": ["visits.json"]}}
    run = run_job(tmp_path, matomo)
    assert run.dead_letters() == []
    content = {"events.json": json.dumps(written("flat", events))}
    flat = ran(tmp_path, content, {**asked, "events": BESIDE["flat"]})
    assert by_user(run.transitions()) == by_user(flat.transitions) != {}
