"""`flockwise clusters`: the clusters that were learned, how good they are, and a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flink_job.cli.ask import AsJson
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.shown import printable, rows
from flink_job.picture.page import page
from flink_job.queries.described import choice, components, lineage, marks, quality, title, value
from flink_job.queries.models import history_of, published, version_of
from operators.clustering.record import ModelRecord

app = typer.Typer(
    help="The clusters that were learned, how good they are, and a picture.",
    no_args_is_help=True,
    add_completion=False,
)

_Model = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="The model, if there are several.")
]


@app.command("list")
def list_(config: ConfigPath, model: _Model = None, as_json: AsJson = False) -> None:
    """List the clusters of the newest version of each model, and what marks them."""
    found = published(plan_of(config))
    chosen = list(found.values()) if model is None else [history_of(found, model)]
    newest = [history[-1] for history in chosen]
    if as_json:
        write_lines(map(json_line, newest))
        return
    for at, record in enumerate(newest):
        write_lines([*([""] if at else []), *_clusters(record)])


@app.command()
def show(
    config: ConfigPath,
    model: _Model = None,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="This version, not the newest.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Draw it into this file, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a model with what became of its clusters, and one in full."""
    history = history_of(published(plan_of(config)), model)
    record = version_of(history, version)
    if as_json:
        write_lines(map(json_line, history if version is None else [record]))
    else:
        write_lines([*_versions(history), "", *_members(record), "", *_clusters(record)])
        if record.curve:
            write_lines([choice(record)])
        write_lines(map(printable, components(record)))
    if html is not None:
        write_lines([page(record, history)], html, option="--html")
        console.print(f"[green]✓[/] {escape(str(html))}: open it in a browser", soft_wrap=True)


def _clusters(record: ModelRecord) -> Iterator[str]:
    header = ("id", "name", "share", "since", "what marks it: its typical member (everyone's)", "")
    lines = (
        (
            *(str(each.id), each.name, f"{each.share:.1%}", f"version {each.born}"),
            *(marks(each, record), each.description),
        )
        for each in record.clusters
    )
    yield from rows(header, lines)
    yield f"{printable(title(record))}: {quality(record.quality)}"


def _versions(history: Sequence[ModelRecord]) -> Iterator[str]:
    header = ("version", "at", "learned", "k", "silhouette", "inertia", "stability", "lineage")
    lines = (
        (
            *(str(each.version), each.at, f"{each.learned:,}", str(each.k)),
            *(f"{each.quality.silhouette:.3f}", f"{each.quality.inertia:.4g}"),
            *(f"{each.quality.stability:.1%}", lineage(each.acts)),
        )
        for each in history
    )
    return rows(header, lines)


def _members(record: ModelRecord) -> Iterator[str]:
    """Typical members, a column a cluster."""
    header = ("typical member", "everyone", *(f"cluster {each.id}" for each in record.clusters))
    lines = (
        (
            name,
            value(name, everyone),
            *(value(name, each.typical[name]) for each in record.clusters),
        )
        for name, everyone in record.everyone.items()
    )
    return rows(header, lines)
