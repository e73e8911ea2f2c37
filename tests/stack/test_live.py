"""A live run: memberships begin with an event and end with time; stop, resume, and be killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from flink_job.config.load import load
from flink_job.jobs.segment import Start
from flink_job.plan import Plan
from tests import patience
from tests.flink.killing import all_gone, command_lines
from tests.patience import Process
from tests.stack.at_home import LiveJob
from tests.stack.live import (
    SQLITE,
    LiveShop,
    at_work,
    kinds,
    kinds_of,
    seconds,
    until,
)

pytestmark = [pytest.mark.stack, pytest.mark.flink]

USERS: Final = [f"user-{number}" for number in range(20)]
MORE: Final[Mapping[str, Any]] = {
    "events": {"time_unit": "ms", "session_gap": "4s", "max_skew": "1m"},
    "features": {
        "views": {"count": "view", "window": "lifetime"},
        "views_5s": {"count": "view", "window": "5s", "tile": "1s"},
        "views_session": {"count": "view", "window": "session"},
        "since_view": {"since": "view", "unit": "seconds"},
    },
    "segments": {
        "Ever": {"when": "views >= 3"},
        "Three": {"when": "views = 3"},
        "Four": {"when": "views = 4"},
        "Window": {"when": "views_5s >= 2"},
        "Session": {"when": "views_session >= 2"},
        "Age": {"when": "since_view < 3"},
        "Dwell": {"when": "views_5s >= 2", "min_dwell": "8s"},
    },
}


@contextmanager
def killed_here(shop: LiveShop) -> Iterator[LiveJob]:
    """The job alone, which ends as a crash would end it."""
    with shop.at_home(Start(resume=True)) as job:
        yield job
        job.kill()


@contextmanager
def killed_process(shop: LiveShop) -> Iterator[subprocess.Popen[str]]:
    """A run with `upsert` beside it, which takes all that it has started with it."""
    temporary = shop.path.parent / "temporary"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        with shop.running("--resume") as process:
            yield process
            until(lambda: stored(shop, "bob"), process, "the store to follow")
            process.kill()
            nothing_is_left(shop, temporary)


Killed = Callable[[LiveShop], AbstractContextManager[Process]]


@pytest.mark.parametrize(
    ("name", "killed"),
    [
        ("live", killed_here),
        pytest.param("live-process", killed_process, marks=pytest.mark.long),
    ],
)
def test_memberships_end_when_time_passes_and_a_stopped_or_killed_run_goes_on(
    name: str, killed: Killed, kafka: str, tmp_path: Path
) -> None:
    shop = LiveShop(kafka, name, tmp_path, {**MORE, "store": SQLITE})
    with shop.at_home() as job:
        until(lambda: at_work(shop), job, "the job to work")
        viewed_s = time.time()
        for _ in range(3):
            shop.view("ann")
        shop.view("eve", ahead_s=3_600)
        shop.send("eve", b"garbage")
        until(lambda: kinds_of(shop, "ann", "Dwell") == ["enter", "leave"], job, "ann to leave")
        assert {letter.reason for letter in shop.dead_letters()} == {"future", "not_json"}
        job.stop()
    check_ends(shop, viewed_s)

    shop.view("ann")
    shop.view("bob")
    with killed(shop) as process:
        until(lambda: kinds_of(shop, "ann", "Four") == ["enter"], process, "the pause's event")
        for _ in range(2):
            shop.view("bob")
        until(lambda: kinds_of(shop, "bob", "Ever") == ["enter"], process, "bob's third view")
        for user in USERS:
            shop.view(user)
        until(lambda: {t.user for t in shop.transitions()} > {*USERS}, process, "first views")
        for user in USERS:
            shop.view(user)
    assert len(shop.dead_letters()) == 2

    for user in USERS:
        shop.view(user)
    with shop.at_home(Start(resume=True)) as job:
        until(lambda: entered(shop, "Three") >= {*USERS}, job, "third views")
        job.stop()
    three = [(t.user, t.kind) for t in shop.transitions() if t.segment == "Three"]
    assert sorted(move for move in three if move[0] in USERS) == sorted((u, "enter") for u in USERS)
    assert not entered(shop, "Four") & {*USERS}
    assert len(told(shop)) == len(set(told(shop)))


def check_ends(shop: LiveShop, viewed_s: float) -> None:
    """Ann was seen at a moment, and left when the time of each segment was over."""
    own = [t for t in shop.transitions() if t.user == "ann"]
    by_segment = {
        s: sorted((t for t in own if t.segment == s), key=lambda t: t.version)
        for s in ("Window", "Session", "Age", "Dwell", "Ever")
    }
    assert kinds(own, "Ever") == ["enter"]
    for segment, shortest_s in {"Window": 4, "Session": 4, "Age": 3, "Dwell": 8}.items():
        entered, left = by_segment[segment]
        assert (entered.kind, left.kind) == ("enter", "leave")
        # However late it was told of: by the time of the events, and of the judging.
        assert seconds(left.at) - viewed_s > shortest_s - 1
    assert by_segment["Age"][1].why[0].startswith("since_view = ")
    dwell = by_segment["Dwell"]
    assert seconds(dwell[1].at) - seconds(dwell[0].at) >= 8


def nothing_is_left(shop: LiveShop, temporary: Path) -> None:
    """A run that is killed takes its JVM, `upsert` and all temporary files with it."""
    patience.until(lambda: all_gone(temporary), "both JVMs to be gone")
    upsert = f"upsert {shop.path}"
    patience.until(
        lambda: not any(upsert in line.replace("\0", " ") for _, line in command_lines()),
        "`upsert` to be gone",
    )


def stored(shop: LiveShop, user: str) -> bool:
    open_store = Plan(load(shop.path), shop.path.parent).store()
    assert open_store is not None
    with closing(open_store()) as store:
        found = store.lookup(user)
        return found is not None and "Ever" in found.segments


def entered(shop: LiveShop, segment: str) -> set[str]:
    """Those who entered a segment."""
    return {t.user for t in shop.transitions() if (t.segment, t.kind) == (segment, "enter")}


def told(shop: LiveShop) -> list[tuple[str, int, str]]:
    """What names a transition for ever."""
    return [(t.user, t.version, t.segment) for t in shop.transitions()]
