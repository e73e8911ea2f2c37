"""Two starts race for one name, again and again, while parts are killed: one of them works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, until
from tests.stack.live import SQLITE, LiveShop
from tests.stack.starts import COUNTING, consistent, family, inside

pytestmark = [pytest.mark.stack, pytest.mark.flink]


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.faults)])
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
                how = () if last is None else ("--resume",) if shop is last else ("--fresh",)
                runs[shop] = started.enter_context(shop.running(*how))
            newcomer = f"newcomer-{number}"
            for user in (newcomer, "regular"):
                shops[0].view(user)
                viewed[user] += 1
            last = winner(runs, newcomer)
            kill(chance, runs[last], last)
    assert last is not None
    with last.running("--resume") as process:
        shops[0].view("the last")
        viewed["the last"] += 1
        until(lambda: inside(shops[0].assignments(), "the last"), "the last start to work")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    consistent(shops[0].transitions(), shops[0].assignments())
    newest = {a.user: a for a in sorted(shops[0].assignments(), key=lambda a: a.version)}
    assert {user: set(a.segments) for user, a in newest.items()} == {
        user: {"Seen", "Often"} if count >= 3 else {"Seen"} for user, count in viewed.items()
    }


def winner(runs: dict[LiveShop, subprocess.Popen[str]], user: str) -> LiveShop:
    """The one that works, once it has judged a user; the other was refused, with a reason."""
    until(lambda: any(run.poll() is not None for run in runs.values()), "one to be refused")
    (works,) = [shop for shop, run in runs.items() if run.poll() is None]
    (refused,) = [shop for shop in runs if shop is not works]
    assert runs[refused].returncode == 2
    said = " ".join((refused.path.parent / "said").read_text().split())
    assert f"'{works.name}' is at work, started by" in said
    until(
        lambda: inside(works.assignments(), user) or runs[works].poll() is not None,
        "the other to work",
    )
    assert runs[works].poll() is None, (works.path.parent / "said").read_text()
    return works


def kill(chance: random.Random, run: subprocess.Popen[str], shop: LiveShop) -> None:
    """Kill a part of a run, and then what is left of it."""
    parts = family(run.pid)
    with suppress(ProcessLookupError):
        os.kill(chance.choice(parts), signal.SIGKILL)
    for part in parts:
        with suppress(ProcessLookupError):
            os.kill(part, signal.SIGKILL)
    run.wait()
