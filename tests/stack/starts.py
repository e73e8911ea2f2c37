"""Starts of a job that counts views, and what topics must say whatever was started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from operators.contracts.records import Assignment, Transition
from tests.patience import PATIENCE_S

COUNTING: Final[dict[str, Any]] = {
    "events": {"time_unit": "ms", "max_skew": "1m"},
    "features": {"views": {"count": "view", "window": "lifetime"}},
    "segments": {"Seen": {"when": "views >= 1"}, "Often": {"when": "views >= 3"}},
}


def start(
    config: Path, *options: str, environ: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """A `flockwise run` that is to end by itself."""
    command = [sys.executable, "-m", "flink_job", "run", str(config), *options]
    return subprocess.run(
        command,
        env=dict(environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """It ended with the code of wrong input, a line that says why, and no traceback."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    told = " ".join(done.stderr.split())
    for words in said:
        assert words in told, told


def consistent(transitions: Iterable[Transition], assignments: Iterable[Assignment]) -> None:
    """`enter` and `leave` alternate, and assignments say what the transitions come to."""
    moves = defaultdict(list)
    for transition in sorted(transitions, key=lambda t: t.version):
        moves[transition.user, transition.segment].append(transition.kind)
    for kinds in moves.values():
        assert kinds == ["enter", "leave"] * (len(kinds) // 2) + ["enter"] * (len(kinds) % 2)
    inside = {key for key, kinds in moves.items() if kinds[-1] == "enter"}
    newest = {each.user: each for each in sorted(assignments, key=lambda a: a.version)}
    assert inside == {(user, name) for user, each in newest.items() for name in each.segments}


def inside(assignments: Iterable[Assignment], user: str) -> bool:
    """Whether the changelog has a user in a segment now."""
    newest = {each.user: each for each in sorted(assignments, key=lambda a: a.version)}
    return user in newest and bool(newest[user].segments)


def family(pid: int) -> list[int]:
    """A process and all that descend from it, in whatever session."""
    parents = {
        int(path.name): int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        for path in Path("/proc").glob("[0-9]*")
        if path.joinpath("stat").exists()
    }
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found
