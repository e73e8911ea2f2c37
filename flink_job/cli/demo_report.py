"""What came of the demo: segments, clusters, and some users with their why."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flink_job.cli.demo_worth import worth
from flink_job.config.model import Config
from flink_job.demo.simulation import Simulation
from flink_job.plan import Plan
from operators.base.arrays import Floats
from operators.contracts.records import Assignment

_MARKS: Final = 3  # features that describe a cluster
_SHOWN: Final = 3  # users whose why is shown


def report(plan: Plan, config: Path, simulation: Simulation, console: Console) -> None:
    """Print the tables and the commands to look further."""
    open_store = plan.store()
    assert open_store is not None  # the demo's configuration has one
    with closing(open_store()) as store:
        assignments = list(store.assignments())
    personas = simulation.personas_of()
    console.print(_segments(plan.config, assignments, personas))
    console.print(_clusters(plan.config, assignments, personas))
    console.print(worth(plan))
    for line in _users(assignments):
        console.print(line, highlight=False)
    for line in _commands(config, assignments, plan):
        console.print(line, highlight=False, soft_wrap=True)


def _segments(
    config: Config, assignments: Sequence[Assignment], personas: Mapping[str, str]
) -> Table:
    table = Table(title="Segments", title_justify="left")
    for name, justify in (("segment", "left"), ("users", "right"), ("mostly", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type] # one of the two
    table.add_column("when", overflow="fold")
    for name, spec in config.segments.items():
        members = [a for a in assignments if name in a.segments]
        when = escape(spec.when or "listed")
        table.add_row(name, f"{len(members):,}", _mostly(members, personas), when)
    return table


def _clusters(
    config: Config, assignments: Sequence[Assignment], personas: Mapping[str, str]
) -> Table:
    name, model = next(iter(config.clusters.items()))
    table = Table(title="Clusters, learned without being told", title_justify="left")
    for column, justify in (("cluster", "left"), ("users", "right"), ("mostly", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type] # one of the two
    table.add_column("what marks it: median against everyone's", overflow="fold")
    everyone = _matrix(assignments, model.features)
    for cluster, called in sorted(_names(assignments, name).items()):
        members = [a for a in assignments if a.cluster == cluster]
        marks = _marks(model.features, _matrix(members, model.features), everyone)
        shown = f"{escape(called)} ({cluster})"
        table.add_row(shown, f"{len(members):,}", _mostly(members, personas), marks)
    return table


def _names(assignments: Iterable[Assignment], model: str) -> dict[int, str]:
    """The clusters of a model by id, each as the newest version calls it."""
    belongings = [a.clusters[model] for a in assignments if model in a.clusters]
    return {own.cluster: own.name for own in sorted(belongings, key=lambda own: own.model)}


def _matrix(assignments: Iterable[Assignment], names: Sequence[str]) -> Floats:
    rows = [[a.features.get(name) for name in names] for a in assignments]
    return np.array(rows, dtype=np.float64).reshape(-1, len(names))


def _marks(names: Sequence[str], members: Floats, everyone: Floats) -> str:
    """The features whose median lies farthest from everyone's, by the spread of all users."""
    typical, usual = np.nanmedian(members, axis=0), np.nanmedian(everyone, axis=0)
    spread = np.nanstd(everyone, axis=0)
    apart = np.abs(typical - usual) / np.where(spread > 0, spread, np.inf)
    chosen = np.argsort(-apart, kind="stable")[:_MARKS]
    return ", ".join(f"{names[at]} {typical[at]:g} ({usual[at]:g})" for at in chosen)


def _mostly(members: Sequence[Assignment], personas: Mapping[str, str]) -> str:
    counts = Counter(personas[member.user] for member in members)
    if not counts:
        return "-"
    persona, count = counts.most_common(1)[0]
    return f"{persona} ({count / len(members):.0%})"


def _users(assignments: Sequence[Assignment]) -> list[str]:
    """Some users in the most segments, and why they are in each."""
    chosen = sorted(assignments, key=lambda a: (-len(a.segments), a.user))[:_SHOWN]
    lines = ["", "[bold]Some users, and why[/]"]
    for assignment in chosen:
        lines.append(f"[bold]{escape(assignment.user)}[/]")
        for segment in assignment.segments:
            why = escape(" and ".join(assignment.why.get(segment, [])))
            lines.append(f"  {escape(segment)}: {why}")
        for model, own in assignment.clusters.items():
            why = escape(" and ".join(own.why))
            lines.append(f"  {escape(own.name)}, a cluster of {escape(model)}: {why}")
    return lines


def _commands(config: Path, assignments: Sequence[Assignment], plan: Plan) -> list[str]:
    path = shlex.quote(str(config))
    user = shlex.quote(assignments[0].user)
    return [
        "",
        f"[bold]Everything is in {escape(str(plan.base))}[/]: look further with",
        f"  flockwise lookup {path} {user}",
        f"  flockwise members {path} 'Cart Abandoners'",
        f"  flockwise export {path} --json",
        f"  flockwise clusters show {path} --html clusters.html",
        f"  flockwise deadletters {path}",
    ]
