"""Two starts race for one name, again and again, while parts are killed: one of them works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.patience import PATIENCE_S, until
from tests.stack.live import SQLITE, LiveShop
from tests.stack.starts import COUNTING, consistent, family, inside

pytestmark = [pytest.mark.stack, pytest.mark.flink]


_LONGEST_START_S: Final = 15.0


@pytest.mark.parametrize(
    "rounds", [pytest.param(2, marks=pytest.mark.long), pytest.param(50, marks=pytest.mark.faults)]
)
def test_of_two_starts_one_works_whatever_is_killed(
    kafka: str, tmp_path: Path, rounds: int
) -> None:
    chance = random.Random(rounds)
    name = f"race-{rounds}"
    more = {**COUNTING, "store": SQLITE}
    shops = [LiveShop(kafka, name, tmp_path / folder, more) for folder in ("one", "two")]
    viewed: Counter[str] = Counter()
    last: LiveShop | None = None
    for number in range(rounds):
        with ExitStack() as started:
            runs = {}
            for shop in shops:
                # Whoever worked last goes on; the other would begin anew.
                how = ("--resume",) if shop is last else ("--fresh",)
                runs[shop] = started.enter_context(shop.running(*how))
            newcomer = f"newcomer-{number}"
            for user in (newcomer, "regular"):
                shops[0].view(user)
                viewed[user] += 1
            killed = chance.choice(shops) if number % 2 else None
            if killed:
                kill_one(chance, runs[killed])
            last = winner(runs, newcomer, killed)
            if last is not None:
                kill_all(chance, runs[last])
    with shops[0].running("--resume" if shops[0] is last else "--fresh") as process:
        shops[0].view("the last")
        viewed["the last"] += 1
        until(lambda: inside(shops[0].assignments(), "the last"), "the last start to work", process)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    consistent(shops[0].transitions(), shops[0].assignments())
    newest = {a.user: a for a in sorted(shops[0].assignments(), key=lambda a: a.version)}
    assert {user: set(a.segments) for user, a in newest.items()} == {
        user: {"Seen", "Often"} if count >= 3 else {"Seen"} for user, count in viewed.items()
    }


def winner(
    runs: dict[LiveShop, subprocess.Popen[str]], user: str, killed: LiveShop | None
) -> LiveShop | None:
    """The one that works, once it has judged a user; the other was refused, with a reason.

    None where a part of one was `killed` once the other had been refused.
    """
    alive = [*runs]

    def decided() -> bool:
        alive[:] = [shop for shop, run in runs.items() if run.poll() is None]
        return not alive or (len(alive) == 1 and inside(alive[0].assignments(), user))

    until(decided, "one to be refused, and the other to work")
    for shop, run in runs.items():
        said = " ".join((shop.path.parent / "said").read_text().split())
        assert "Traceback" not in said
        if run.poll() is not None and shop is not killed:
            assert run.returncode == 2
            assert f"'{shop.name}' is at work, started by" in said
    assert alive or killed is not None
    return alive[0] if alive else None


def kill_one(chance: random.Random, run: subprocess.Popen[str]) -> None:
    """Kill a part of a run at any moment of its start: Python, Java, or its `upsert`."""
    with suppress(subprocess.TimeoutExpired):
        run.wait(chance.uniform(0.0, _LONGEST_START_S))
    parts = [part for part in family(run.pid) if program(part).startswith(("python", "java"))]
    with suppress(ProcessLookupError):
        if run.poll() is None:
            os.kill(chance.choice(parts), signal.SIGKILL)


def program(pid: int) -> str:
    """The name of what a process runs, empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/exe").resolve(strict=True).name
    except OSError:
        return ""


def kill_all(chance: random.Random, run: subprocess.Popen[str]) -> None:
    """Kill a part of a run, and then what is left of it."""
    parts = family(run.pid)
    for part in (chance.choice(parts), *parts):
        with suppress(ProcessLookupError):
            os.kill(part, signal.SIGKILL)
    run.wait()
