"""Every kind of input as people have them, through the real `flockwise run`, from its files on.

The shared cases of the project's data are run, too, where they are there: what is wanted of each
stands in their expected.md.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from flink_job.jobs import segment as jobs
from flink_job.runtime.running import Outcome
from operators.contracts.records import Transition
from tests.flink.harness import Run
from tests.flink.minicluster import end_jobs, rest_address, start_java
from tests.stack.as_it_comes import INPUTS, Wanted
from tests.stack.asking import here, write_config
from tests.stack.shared_cases import SHARED, SharedCase

pytestmark = [pytest.mark.flink, pytest.mark.stack]

CASES: Final = Path(os.environ.get("FLOCKWISE_DATA", "")).resolve().parent / "cases"


@pytest.fixture(autouse=True)
def shared_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `flockwise run` take the mini-cluster of this process: it starts once for all."""

    def on_shared(*arguments: Any) -> Outcome:
        try:
            return jobs.segment(*arguments, cluster=rest_address())
        except BaseException:
            end_jobs()
            raise

    start_java(tmp_path / "logs")
    monkeypatch.setattr("flink_job.cli.session.segment", on_shared)


def check(config: Path, wanted: Wanted) -> None:
    """Run a configuration, and see that it ends as it is wanted."""
    done = here("run", config)
    assert done.returncode == wanted.code, done.stderr
    for said in wanted.says:
        # What is told stands there before the run, and again at its end; what is refused, once.
        assert done.stderr.count(said) == (2 if wanted.code == 0 else 1), done.stderr
    if not wanted.says:
        assert "!" not in done.stderr
    ended = Run(Outcome(stopped=False), config.parent / "out")
    transitions = ended.transitions()
    assert wanted.moves in (None, len(transitions))
    assert Counter(each.reason for each in ended.dead_letters()) == wanted.letters
    moved = sorted(transitions, key=lambda each: each.version)
    members: dict[str, set[str]] = {}
    for each in moved:
        inside = members.setdefault(each.segment, set())
        (inside.add if each.kind == "enter" else inside.discard)(each.user)
    assert {name: users for name, users in members.items() if users} == {
        name: users for name, users in wanted.members.items() if users
    }
    for (user, segment), moment in wanted.since.items():
        assert _entered(moved, user, segment)[-1].startswith(moment)


def _entered(transitions: list[Transition], user: str, segment: str) -> list[str]:
    return [
        each.at
        for each in transitions
        if (each.user, each.segment, each.kind) == (user, segment, "enter")
    ]


@pytest.mark.parametrize("name", INPUTS)
def test_each_kind_of_input_gives_what_is_wanted(name: str, tmp_path: Path) -> None:
    given = INPUTS[name]
    for file, content in given.files.items():
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    check(write_config(tmp_path, given.config()), given.wanted)


@pytest.mark.long
@pytest.mark.skipif(not CASES.is_dir(), reason="there are no cases beside FLOCKWISE_DATA")
@pytest.mark.parametrize("case", SHARED, ids=str)
def test_the_shared_cases_give_what_is_wanted(case: SharedCase, tmp_path: Path) -> None:
    shutil.copytree(CASES / case.folder, tmp_path / "case", copy_function=shutil.copyfile)
    (tmp_path / "case").chmod(0o755)
    config = yaml.safe_load((tmp_path / "case" / "config.yaml").read_text())
    check(write_config(tmp_path / "case", case.said(config)), case.wanted)
