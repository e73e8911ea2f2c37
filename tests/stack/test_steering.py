"""Segments changed while the job runs: applied, previewed, paused, deleted, refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kafka import KafkaProducer
from typer.testing import CliRunner

from flink_job.cli import app
from flink_job.jobs.segment import Start
from flink_job.kafka_client.reading import read_to_end
from tests.stack.asking import here
from tests.stack.at_home import LiveJob
from tests.stack.live import LiveShop, at_work, kinds, until

pytestmark = [pytest.mark.stack, pytest.mark.flink]

RUNNER: Final = CliRunner()

FIRST: Final = {"Ever": {"when": "views >= 1"}, "Many": {"when": "views >= 3"}}
NEXT: Final = {
    "Ever": {"when": "views >= 1"},
    "Few": {"when": "views <= 2"},
    "Idle": {"when": "views_1h >= 1 AND views < 100000"},
}
MORE: Final[Mapping[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "views_1h": {"count": "view", "window": "1h"},
    },
    "segments": FIRST,
}
GARBAGE: Final = [
    b"garbage",
    b'{"kind": "segments", "version": 9, "segments": {"X": {"when": "nothing > 1"}}}',
    b'{"kind": "segments", "version": 1, "segments": {}}',
    b'{"kind": "other"}',
    b"x" * 950_000,
]


def good(shop: LiveShop, command: str, *words: str) -> str:
    """What `flockwise segments` says, which must do well."""
    done = RUNNER.invoke(app, ["segments", command, str(shop.path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def told(config: Path, *words: str) -> str:
    """What `flockwise segments apply` tells a person, which must do well."""
    done = RUNNER.invoke(app, ["segments", "apply", str(config), *words])
    assert done.exit_code == 0, done.output
    return done.stderr


def bad(shop: LiveShop, *words: str) -> str:
    """How `flockwise` complains of what is wrong."""
    done = here(*words[:-1], shop.path, words[-1])
    assert done.returncode == 2, done.stderr
    return " ".join(done.stderr.split())


def listed(shop: LiveShop) -> Any:
    return json.loads(good(shop, "list", "--json"))


def inside(shop: LiveShop) -> dict[str, set[str]]:
    """Who is in which segment, by the transitions."""
    found: dict[str, set[str]] = {}
    for told in sorted(shop.transitions(), key=lambda t: t.version):
        if told.user != "warm-up":
            assert (told.kind == "enter") == (told.user not in found.get(told.segment, set()))
            found.setdefault(told.segment, set()).symmetric_difference_update({told.user})
    return {segment: users for segment, users in found.items() if users}


def test_segments_change_while_the_job_runs(kafka: str, tmp_path: Path) -> None:
    shop = LiveShop(kafka, "steered", tmp_path, MORE)
    assert listed(shop)["version"] == 1  # the configuration's, before there is a job
    with shop.at_home() as job:
        until(lambda: at_work(shop), job, "the job to work")
        for user, views in {"ann": 1, "bob": 2, "cat": 5}.items():
            for _ in range(views):
                shop.view(user)
        everyone = {"ann", "bob", "cat"}
        before = {"Ever": everyone, "Many": {"cat"}}
        until(lambda: inside(shop) == before, job, "the first segments")
        # Nothing was applied, and yet everyone counts.
        until(lambda: listed(shop)["progress"]["users"] == 4, job, "the count of users")
        assert listed(shop)["progress"]["members"]["Ever"] == 4

        shop.configure(segments=NEXT)
        asked = good(shop, "preview", "--json").splitlines()
        counts = {told["segment"]: told for told in map(json.loads, asked)}
        assert counts["Few"]["enter"] == 2
        assert (counts["Many"]["leave"], counts["Many"]["enter"]) == (2, 0)  # warm-up is one
        assert inside(shop) == before

        # Nobody does anything: who is idle is judged all the same.
        said = told(shop.path)
        assert "+ added 'Few': when: views <= 2" in said
        assert re.search(r"- removed 'Many' \(\d members\): when: views >= 3", said)
        assert re.search(r"members now: 'Few' \d, 'Idle' 4", said)
        now = listed(shop)
        assert now["progress"]["members"]["Idle"] == now["progress"]["members"]["Ever"] == 4
        assert (now["version"], now["progress"]["lanes_taken"]) == (2, 4)
        assert now["progress"]["judged"] == now["progress"]["users"] == 4
        assert inside(shop) == {"Ever": everyone, "Few": {"ann", "bob"}, "Idle": everyone}
        (left,) = [
            t
            for t in shop.transitions()
            if t.segment == "Many" and t.kind == "leave" and t.user == "cat"
        ]
        assert left.rules == 2

        refused(shop)
        paused_and_deleted(shop, job)
        job.stop()
    resumed(shop)
    not_started(shop)


def refused(shop: LiveShop) -> None:
    """What is no new version leaves the one that holds, and is kept."""
    producer = KafkaProducer(bootstrap_servers=shop.broker.bootstrap)
    for message in GARBAGE:
        producer.send(shop.topics.control, value=message)
    producer.flush()
    good(shop, "pause", "Few")
    letters = [letter for letter in shop.dead_letters() if letter.reason == "bad_control"]
    assert [letter.raw for letter in letters] == [message.decode() for message in GARBAGE]
    assert "'nothing'" in letters[1].detail
    assert "version 1 is not newer than 9" in letters[2].detail
    shop.configure(segments={**NEXT, "Few": {"when": "viws <= 2"}})
    assert "did you mean 'views'?" in bad(shop, "segments", "apply", "--wait=0")
    shop.configure(segments=NEXT)


def paused_and_deleted(shop: LiveShop, job: LiveJob) -> None:
    """Of a paused segment nobody is let in or out; of a deleted one all are out."""
    for _ in range(4):
        shop.view("ann")
    shop.view("dan")
    until(lambda: "dan" in inside(shop)["Ever"], job, "dan's view")
    assert inside(shop)["Few"] == {"ann", "bob"}
    assert "paused" in good(shop, "list")
    good(shop, "resume", "Few")
    assert inside(shop)["Few"] == {"bob", "dan"}
    good(shop, "delete", "Idle")
    assert "Idle" not in inside(shop)
    assert yaml.safe_load(good(shop, "export"))["segments"].keys() == {"Ever", "Few"}
    assert "deleted" not in good(shop, "show", "Few")
    assert "did you mean 'Few'?" in bad(shop, "segments", "delete", "Fwe")


def resumed(shop: LiveShop) -> None:
    """What was changed while the job was away reaches it when it goes on, and idle users too."""
    assert "differs from it in 'Idle'" in bad(shop, "run", "--resume")
    others_work(shop)
    good(shop, "apply", "--only", "Idle", "--wait", "0")
    shop.configure(segments={"Ever": NEXT["Ever"], "Idle": NEXT["Idle"], "Few": NEXT["Few"]})
    with shop.at_home(Start(resume=True)) as job:
        until(lambda: "Idle" in inside(shop), job, "the segment of the pause")
        assert inside(shop)["Idle"] == {"ann", "bob", "cat", "dan"}
        until(lambda: listed(shop)["progress"]["lanes_taken"] == 4, job, "all lanes")
        job.kill()
    assert kinds([t for t in shop.transitions() if t.user == "bob"], "Idle") == [
        *("enter", "leave", "enter")
    ]


def others_work(shop: LiveShop) -> None:
    """What somebody else has added goes only if that is said, however the file is applied."""
    folder = shop.path.parent / "others"
    folder.mkdir()
    theirs = folder / shop.path.name
    own = {"Ever": NEXT["Ever"], "Few": NEXT["Few"]}
    config = yaml.safe_load(shop.path.read_text())
    theirs.write_text(yaml.safe_dump({**config, "segments": {**own, "Theirs": NEXT["Few"]}}))
    assert "+ added 'Theirs': when: views <= 2" in told(theirs, "--wait", "0")
    version = listed(shop)["version"]
    shop.configure(segments=own)
    for words in (("segments", "apply", "--wait=0"), ("run", "--resume", "--apply")):
        said = bad(shop, *words)
        assert f"'Theirs' (added in version {version} by " in said
        assert "segments export" in said
        assert "--remove" in said
        assert listed(shop)["version"] == version
    # Whoever has had it may take it out: it is their own.
    theirs.write_text(yaml.safe_dump({**config, "segments": own}))
    assert "- removed 'Theirs'" in told(theirs, "--wait", "0")
    theirs.write_text(yaml.safe_dump({**config, "segments": {**own, "Theirs": NEXT["Few"]}}))
    told(theirs, "--wait", "0")
    assert "- removed 'Theirs'" in told(shop.path, "--remove", "--wait", "0")
    shop.configure(segments=NEXT)


def not_started(shop: LiveShop) -> None:
    """A start that Flink refuses is not noted as one."""
    before = starts(shop)
    assert before == 2
    for state in (shop.path.parent / "state").rglob("_metadata"):
        state.write_bytes(b"not what a checkpoint begins with")
    assert here("run", "--resume", shop.path).returncode == 1
    assert starts(shop) == before


def starts(shop: LiveShop) -> int:
    """How many starts are noted in the control topic."""
    records = read_to_end(shop.broker, [shop.topics.control])
    return sum(b'"kind":"started"' in (record.value or b"") for record in records)
