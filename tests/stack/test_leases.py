"""A job owns its name, its topics and its store: whoever starts it twice is refused, and told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from flink_job.jobs.segment import Start
from operators.contracts.records import BEGAN_ANEW
from tests.patience import PATIENCE_S
from tests.stack.asking import here
from tests.stack.live import LiveShop, at_work, until
from tests.stack.starts import COUNTING, consistent, family, inside, refused, start

pytestmark = [pytest.mark.stack, pytest.mark.flink]


def copied(shop: LiveShop, folder: Path, **changes: Any) -> Path:
    """The shop's configuration in a folder of its own."""
    folder.mkdir(exist_ok=True)
    config = {**yaml.safe_load(shop.path.read_text()), **changes}
    path = folder / "copy.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_job_is_never_joined_and_is_fenced_once_another_has_taken_over(
    kafka: str, tmp_path: Path
) -> None:
    shop = LiveShop(kafka, "owned", tmp_path / "first", COUNTING)
    successor = LiveShop(kafka, "owned", tmp_path / "second", COUNTING)
    with shop.running() as sleeper:
        for user in ("ann", "bob"):
            shop.view(user)
        until(lambda: at_work(shop), sleeper, "the job to work")
        same_topics = nobody_joins(shop, tmp_path)

        asleep = family(sleeper.pid)
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        shop.view("cid")
        with successor.running("--fresh") as process:
            until(lambda: "looking whether" in said_by(successor), process, "it to look")
            process.terminate()
            assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        # As if crashed: its successor is not blocked, but does not begin anew without a word.
        anew = ("would begin anew", "3 users", "--fresh")
        refused(here("run", copied(shop, tmp_path / "second")), *anew)
        refused(here("run", same_topics), "has the records of the job 'owned'")
        with successor.running("--fresh") as process:
            until(lambda: left(shop, "ann"), process, "memberships to be ended")
            until(lambda: inside(shop.assignments(), "ann"), process, "ann to be judged again")
            until(lambda: inside(shop.assignments(), "cid"), process, "the successor to work")
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)
            assert sleeper.wait(PATIENCE_S) == 1
            for _ in range(3):
                shop.view("dan")
            until(lambda: ("dan", "Often") in entered(shop), process, "the successor to go on")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
    said = " ".join(said_by(shop).split())
    assert "another start of 'owned' has taken over" in said
    assert "Traceback" not in said
    consistent(shop.transitions(), shop.assignments())
    # What the first left is of before: to go on from it would repeat what came since.
    elsewhere = ("was started elsewhere", str(tmp_path / "second"), "--fresh")
    refused(here("run", shop.path, "--resume"), *elsewhere)
    # The last goes on.
    with successor.at_home(Start(resume=True)) as job:
        shop.view("eve")
        until(lambda: inside(shop.assignments(), "eve"), job, "the job to go on")
        job.stop()
    consistent(shop.transitions(), shop.assignments())


def nobody_joins(shop: LiveShop, folder: Path) -> Path:
    """No other start is let in while a job is at work; gives one of another name in its topics."""
    held = ("is at work, started by", str(folder / "first"))
    refused(start(copied(shop, folder / "second")), "'owned'", *held)
    refused(here("run", copied(shop, folder / "second"), "--fresh"), "'owned'", *held)
    same_topics = copied(shop, folder / "third", name="third")
    belongs = "topic 'owned-assignments' belongs to the job 'owned'"
    refused(here("run", same_topics), belongs, *held)
    return same_topics


def said_by(shop: LiveShop) -> str:
    return shop.path.with_name("said").read_text()


def left(shop: LiveShop, user: str) -> bool:
    """Whether a user has left because the job began anew."""
    return any(t.user == user and t.why == [BEGAN_ANEW] for t in shop.transitions())


def entered(shop: LiveShop) -> set[tuple[str, str]]:
    return {(t.user, t.segment) for t in shop.transitions() if t.kind == "enter"}
