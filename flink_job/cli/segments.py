"""`flockwise segments`: which segments hold, and changing them while the job runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
import yaml
from rich.markup import escape

from flink_job.cli.ask import AsJson
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.preview import by_job, by_replay, replayed, waited
from flink_job.cli.run import ConfigPath, console, plan_of, tell_doubts
from flink_job.cli.shown import printable, rows
from flink_job.control.status import StatusTopic, VersionProgress
from flink_job.control.steering import Standing, Steering, differing
from flink_job.plan import Plan
from operators.base.errors import ConfigError, UsageError, nearest
from operators.base.frame import FeatureColumn
from operators.contracts.control.messages import Segments
from operators.contracts.records import Counts
from operators.rules.rulebook import problems
from operators.rules.spec import SegmentSpec

app = typer.Typer(
    help="Which segments hold, and changing them while the job runs.", no_args_is_help=True
)

_Name = Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment's name.")]
_Names = Annotated[
    list[str], typer.Argument(metavar="SEGMENT...", help="The names of the segments.")
]
_Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="SEGMENT", help="Just this one; may be given more than once."),
]
_Wait = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the running job.")
]

_WAIT_S: Final = 20.0


@app.command("list")
def list_(config: ConfigPath, as_json: AsJson = False) -> None:
    """List the segments that hold, and how far the job has come with their version."""
    plan = plan_of(config)
    standing = _standing(plan)
    held = standing.held
    progress = (
        StatusTopic(plan).progress(held.version, standing.started_at) if plan.steered else None
    )
    if as_json:
        write_lines([json_line(_listed(held, progress))])
        return
    write_lines(rows(("segment", "state", "who"), map(_row, held.segments.items())))
    console.print(escape(printable(_version_line(held, progress))), highlight=False)
    differ = differing(held.segments, plan.config.segments)
    if differ:
        names = ", ".join(differ)
        console.print(f"[yellow]![/] {escape(str(config))} differs in {escape(names)}")


@app.command()
def show(config: ConfigPath, segment: _Name) -> None:
    """Show one segment as it holds, and the versions that changed it."""
    standing = _standing(plan_of(config))
    held = standing.held
    _known([segment], held)
    lines = [_yaml({segment: held.segments[segment]}).rstrip(), ""]
    write_lines([*lines, *rows(("version", "at", "by", "what"), _changes(segment, standing))])


@app.command()
def apply(config: ConfigPath, only: _Only = None, wait: _Wait = _WAIT_S) -> None:
    """Let the configuration's segments hold; the running job takes them without a restart."""
    plan = plan_of(config)
    standing = Steering(plan).standing()
    wanted = _chosen(plan.config.segments, standing.held.segments, only)
    tell_doubts(plan.config, {name: wanted[name] for name in only or wanted})
    _send(plan, wanted, standing, wait)


@app.command()
def pause(config: ConfigPath, segments: _Names, wait: _Wait = _WAIT_S) -> None:
    """Keep the members of segments as they are: nobody enters or leaves."""
    _change(config, segments, wait, lambda spec: msgspec.structs.replace(spec, paused=True))


@app.command()
def resume(config: ConfigPath, segments: _Names, wait: _Wait = _WAIT_S) -> None:
    """Let paused segments go on."""
    _change(config, segments, wait, lambda spec: msgspec.structs.replace(spec, paused=False))


@app.command()
def delete(config: ConfigPath, segments: _Names, wait: _Wait = _WAIT_S) -> None:
    """Delete segments; their members leave them."""
    _change(config, segments, wait, lambda spec: None)


@app.command()
def export(
    config: ConfigPath,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write into this file.")
    ] = None,
) -> None:
    """Write the segments that hold as YAML, as a configuration has them."""
    write_lines([_yaml(_standing(plan_of(config)).held.segments).rstrip()], to)


@app.command()
def preview(
    config: ConfigPath, only: _Only = None, wait: _Wait = _WAIT_S, as_json: AsJson = False
) -> None:
    """Say who would enter and leave if the configuration's segments held.

    The running job answers; where events come from files, a replay of them.
    """
    plan = plan_of(config)
    if plan.steered:
        standing = Steering(plan).standing()
        asked = _chosen(plan.config.segments, standing.held.segments, only)
        _check(asked, standing.kept, "what the running job would be told")
        counts = by_job(plan, asked, wait)
    else:
        asked = _chosen(plan.config.segments, replayed(plan), only)
        _check(asked, plan.judged_columns(), "the segments of the last run, with these")
        counts = by_replay(plan, asked, config)
    if as_json:
        write_lines(json_line({"segment": name, **_asdict(own)}) for name, own in counts.items())
        return
    header = ("segment", "enter", "leave", "stay")
    write_lines(rows(header, ((name, *_numbers(own)) for name, own in counts.items())))


def _standing(plan: Plan) -> Standing:
    """What holds; before the first run, and where nothing can be changed, the configuration."""
    standing = Steering(plan).standing() if plan.steered else None
    if standing and standing.history:
        return standing
    return Standing([plan.segments()], 0, plan.judged_columns())


def _change(
    config: Path,
    names: list[str],
    wait: float,
    changed: Callable[[SegmentSpec], SegmentSpec | None],
) -> None:
    """Send what holds, with some segments changed, or without them."""
    plan = plan_of(config)
    standing = Steering(plan).standing()
    held = standing.held
    _known(names, held)
    specs = {name: changed(spec) if name in names else spec for name, spec in held.segments.items()}
    kept = {name: spec for name, spec in specs.items() if spec is not None}
    _send(plan, kept, standing, wait)


def _send(plan: Plan, wanted: Mapping[str, SegmentSpec], standing: Standing, wait: float) -> None:
    differ = differing(wanted, standing.held.segments)
    if not differ:
        console.print(f"[green]✓[/] version {standing.held.version} says the same", highlight=False)
        return
    _check(wanted, standing.kept, "what the running job would be told")
    version = Steering(plan).send(wanted, standing).newest.version
    console.print(f"version {version}: {escape(', '.join(differ))}", highlight=False)
    status = StatusTopic(plan)

    def done() -> VersionProgress | None:
        progress = status.progress(version, standing.started_at)
        return progress if progress and progress.done else None

    found = waited(done, wait, "waiting for the running job")
    if found is None:
        progress = status.progress(version, standing.started_at)
        so_far = progress.text() if progress else "no job was started yet"
        console.print(
            f"[yellow]![/] after {wait:g} s: {so_far}; a job that is not running takes "
            "it when it goes on",
            highlight=False,
            soft_wrap=True,
        )
    else:
        console.print(f"[green]✓[/] judged by it: {found.text()}", highlight=False)


def _check(
    wanted: Mapping[str, SegmentSpec], columns: Mapping[str, FeatureColumn], what: str
) -> None:
    """See that these can be judged, by the features that there are."""
    found = problems(wanted, columns)
    if found:
        raise ConfigError(what, found)


def _chosen(
    configured: Mapping[str, SegmentSpec], held: Mapping[str, SegmentSpec], only: list[str] | None
) -> dict[str, SegmentSpec]:
    """The configuration's segments, or those that are `held` with just some of them."""
    if not only:
        return dict(configured)
    for name in only:
        if name not in configured:
            raise UsageError(_unknown(name, configured))
    return {**held, **{name: configured[name] for name in only}}


def _known(names: list[str], newest: Segments) -> None:
    for name in names:
        if name not in newest.segments:
            raise UsageError(_unknown(name, newest.segments))


def _unknown(name: str, known: Mapping[str, SegmentSpec]) -> str:
    hint = nearest(name, list(known)) or f"; there are {', '.join(known) or 'none'}"
    return f"there is no segment '{name}'{hint}"


def _row(item: tuple[str, SegmentSpec]) -> tuple[str, str, str]:
    name, spec = item
    return name, "paused" if spec.paused else "active", spec.when or "listed members"


def _version_line(newest: Segments, progress: VersionProgress | None) -> str:
    by = f", by {newest.by} at {newest.at}" if newest.by else ""
    far = "" if progress is None else f"; judged by it: {progress.text()}"
    return f"version {newest.version}{by}{far}"


def _listed(newest: Segments, progress: VersionProgress | None) -> dict[str, Any]:
    far = {} if progress is None else vars(progress)
    return {**_asdict(newest), "progress": far}


def _changes(segment: str, standing: Standing) -> Iterator[tuple[str, str, str, str]]:
    before: Mapping[str, SegmentSpec] = {}
    for each in filter(standing.can_hold, standing.history):
        was, is_ = before.get(segment), each.segments.get(segment)
        if was != is_:
            what = "added" if was is None else "deleted" if is_ is None else "changed"
            yield str(each.version), each.at or "", each.by or "", what
        before = each.segments


def _yaml(segments: Mapping[str, SegmentSpec]) -> str:
    plain = {name: _written(spec) for name, spec in segments.items()}
    return str(yaml.safe_dump({"segments": plain}, sort_keys=False, allow_unicode=True))


def _written(spec: SegmentSpec) -> dict[str, Any]:
    """A segment as a person would write it: without what it does not say."""
    return {
        field.encode_name: msgspec.to_builtins(value)
        for field in msgspec.structs.fields(spec)
        if (value := getattr(spec, field.name)) != field.default
    }


def _asdict(record: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(record)


def _numbers(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.enter:,}", f"{counts.leave:,}", f"{counts.stay:,}"
