"""`flockwise segments`: which segments hold, and changing them while the job runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.markup import escape

from flink_job.cli.ask import AsJson
from flink_job.cli.audit import audit
from flink_job.cli.changes import difference_lines, members_lines
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, Remove, begin_java, console, plan_of, tell_doubts
from flink_job.cli.shown import printable, rows
from flink_job.cli.waiting import waited
from flink_job.control import changing, removals
from flink_job.control import preview as previews
from flink_job.control.differences import differences
from flink_job.control.status import StatusTopic, VersionProgress
from flink_job.control.steering import Standing, Steering, differing
from flink_job.plan import Plan
from operators.base.errors import JobError
from operators.contracts.control.messages import Segments
from operators.contracts.records import Counts
from operators.rules.spec import SegmentSpec

app = typer.Typer(
    help="Which segments hold, and changing them while the job runs.",
    no_args_is_help=True,
    add_completion=False,
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
_TOLD: Final = "what the running job would be told"

app.command()(audit)


@app.command("list")
def list_(config: ConfigPath, as_json: AsJson = False) -> None:
    """List the segments that hold, and how far the job has come with their version."""
    plan = plan_of(config)
    standing = changing.standing_of(plan)
    held = standing.held
    progress = (
        StatusTopic(plan).progress(held.version, standing.started_at) if plan.steered else None
    )
    if as_json:
        write_lines([json_line(_listed(held, progress))])
        return
    write_lines(_rows(held, progress))
    console.print(
        escape(printable(_version_line(held, progress, plan.steered))),
        highlight=False,
        soft_wrap=True,
    )
    differ = differing(held.segments, plan.config.segments)
    if differ:
        names = ", ".join(differ)
        console.print(f"[yellow]![/] {escape(str(config))} differs in {escape(names)}")


@app.command()
def show(config: ConfigPath, segment: _Name) -> None:
    """Show one segment as it holds, and the versions that changed it."""
    standing = changing.standing_of(plan_of(config))
    held = standing.held
    changing.check_known([segment], held.segments)
    changes = changing.history_of_segment(segment, standing)
    write_lines([changing.as_yaml({segment: held.segments[segment]}), ""])
    write_lines(rows(("version", "at", "by", "what"), map(_change_row, changes)))


@app.command()
def apply(
    config: ConfigPath, only: _Only = None, remove: Remove = False, wait: _Wait = _WAIT_S
) -> None:
    """Let the configuration's segments hold; the running job takes them without a restart.

    Segments that others have added are removed with --remove only.
    """
    plan = plan_of(config)
    standing = Steering(plan).standing()
    configured, folder = plan.config.segments, plan.folder.path
    wanted = changing.chosen(configured, standing.held.segments, only)
    tell_doubts(plan.config, {name: wanted[name] for name in only or wanted})
    if not only:
        removals.check(folder, standing.history, wanted, remove=remove)
    removals.note(folder, _send(plan, wanted, standing, wait), configured)


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
    write_lines([changing.as_yaml(changing.standing_of(plan_of(config)).held.segments)], to)


@app.command()
def preview(
    config: ConfigPath, only: _Only = None, wait: _Wait = _WAIT_S, as_json: AsJson = False
) -> None:
    """Say who would enter and leave if the configuration's segments held.

    The running job answers; where events come from files, a replay of them.
    """
    plan = plan_of(config)
    counts = (_by_job if plan.steered else _by_replay)(plan, config, only, wait)
    if as_json:
        write_lines(json_line({"segment": name, **_asdict(own)}) for name, own in counts.items())
        return
    header = ("segment", "enter", "leave", "stay")
    write_lines(rows(header, ((name, *_numbers(own)) for name, own in counts.items())))


def _by_job(plan: Plan, _: Path, only: list[str] | None, wait: float) -> dict[str, Counts]:
    standing = Steering(plan).standing()
    wanted = changing.chosen(plan.config.segments, standing.held.segments, only)
    changing.check_judged(wanted, standing.kept, _TOLD)
    counts = waited(previews.asked(plan, wanted), wait, "asking the running job")
    if counts is None:
        raise JobError(f"no answer within {wait:g} s: is the job running?")
    return counts


def _by_replay(plan: Plan, config: Path, only: list[str] | None, _: float) -> dict[str, Counts]:
    wanted = changing.chosen(plan.config.segments, previews.replayed(plan), only)
    changing.check_judged(wanted, plan.judged_columns(), "the segments of the last run, with these")
    # PyFlink takes a second to import.
    from flink_job.runtime.gateway import temporary_folder  # noqa: PLC0415

    def run(beside: Plan) -> None:
        begin_java(beside, beside.folder)
        from flink_job.cli.session import Session  # noqa: PLC0415
        from flink_job.jobs.segment import Start  # noqa: PLC0415

        Session(beside, config, console).run(Start(fresh=True))

    # Where it goes with Java's files, also if we are killed.
    return previews.by_replay(plan, wanted, run, temporary_folder())


def _change(
    config: Path,
    names: list[str],
    wait: float,
    change: Callable[[SegmentSpec], SegmentSpec | None],
) -> None:
    """Send what holds, with some segments changed, or without them."""
    plan = plan_of(config)
    standing = Steering(plan).standing()
    _send(plan, changing.changed(standing.held.segments, names, change), standing, wait)


def _send(
    plan: Plan, wanted: Mapping[str, SegmentSpec], standing: Standing, wait: float
) -> Segments:
    """Say what changes, send it, and wait for the job to judge by it; gives what holds then."""
    held, status = standing.held, StatusTopic(plan)
    differ = list(differences(held.segments, wanted))
    if not differ:
        console.print(f"[green]✓[/] version {held.version} says the same", highlight=False)
        return held
    changing.check_judged(wanted, standing.kept, _TOLD)
    before = status.progress(held.version, standing.started_at)
    for line in difference_lines(differ, before):
        console.print(escape(line), highlight=False, soft_wrap=True)
    sent = Steering(plan).send(wanted, standing).newest
    version, names = sent.version, ", ".join(sorted(each.name for each in differ))
    console.print(f"version {version}: {escape(names)}", highlight=False, soft_wrap=True)

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
        for line in members_lines(differ, found):
            console.print(escape(line), highlight=False, soft_wrap=True)
    return sent


def _rows(held: Segments, progress: VersionProgress | None) -> Iterator[str]:
    """The segments, with how many members they have where that is known."""
    members = progress.members if progress else None
    told = {} if members is None else {"members": [f"{members[x]:,}" for x in held.segments]}
    columns = {
        "segment": list(held.segments),
        "state": ["paused" if spec.paused else "active" for spec in held.segments.values()],
        **told,
        "who": [spec.when or "listed members" for spec in held.segments.values()],
    }
    return rows(list(columns), zip(*columns.values(), strict=True))


def _version_line(newest: Segments, progress: VersionProgress | None, steered: bool) -> str:
    by = f", by {newest.by} at {newest.at}" if newest.by else ""
    if progress is None:
        return f"version {newest.version}{by}" + ("; no job was started yet" if steered else "")
    told = f" ({progress.as_of()})" if progress.told_at else ""
    return f"version {newest.version}{by}; judged by it: {progress.text()}{told}"


def _listed(newest: Segments, progress: VersionProgress | None) -> dict[str, Any]:
    far = {} if progress is None else vars(progress)
    return {**_asdict(newest), "progress": far}


def _change_row(change: changing.SegmentChange) -> tuple[str, str, str, str]:
    return str(change.version), change.at or "", change.by or "", change.what


def _asdict(record: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(record)


def _numbers(counts: Counts) -> tuple[str, str, str]:
    return f"{counts.enter:,}", f"{counts.leave:,}", f"{counts.stay:,}"
