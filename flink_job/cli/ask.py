"""`flockwise lookup`, `members` and `export`: what is known of users, segments and clusters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.markup import escape

from flink_job.cli.answers import assignment_lines, member_lines, user_lines, why_lines
from flink_job.cli.counted import counted
from flink_job.cli.edges import edge_lines
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.tables import tell_dictionary, write_tables
from flink_job.plan import Plan
from flink_job.queries.models import history_of, published
from flink_job.queries.users import view
from flink_job.stores.base import Member, StoreReader
from operators.base.errors import FlockwiseError, UsageError, nearest

_TRANSITIONS: Final = 10

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def lookup(
    config: ConfigPath,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Just why, in sentences.")] = False,
) -> None:
    """Show a user's segments and clusters, since when and why.

    The store answers if the configuration has one, else the changelog itself.
    """
    plan = plan_of(config)
    with _asking(plan) as asked:
        found = asked.lookup(user)
        if found is None:
            raise FlockwiseError(f"nothing is known of the user '{user}'")
        transitions = asked.transitions(user, _TRANSITIONS)
    if as_json:
        moved = [msgspec.structs.asdict(transition) for transition in transitions]
        write_lines([json_line({**msgspec.structs.asdict(found), "transitions": moved})])
    elif why:
        write_lines(chain(why_lines(found), edge_lines(found, plan.config.features)))
    else:
        notes = edge_lines(found, plan.config.features)
        write_lines(chain(user_lines(found, transitions), _below(notes)))


def members(
    config: ConfigPath,
    segment: Annotated[
        str | None, typer.Argument(metavar="[SEGMENT]", help="The segment's name.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="NAME|ID", help="A cluster instead of a segment, by name or id."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of which model, if not the first.")
    ] = None,
    as_json: AsJson = False,
    limit: Annotated[int | None, typer.Option(min=1, help="So many at most.")] = None,
) -> None:
    """List the users of a segment or of a cluster, and since when they are in it."""
    plan = plan_of(config)
    members_of = _question(plan, segment, cluster, model)
    with _asking(plan) as asked, closing(members_of(asked)) as found:
        first = next(found, None)
        if first is None:
            console.print(f"[yellow]![/] {escape(_nobody(config, segment))}", soft_wrap=True)
            return
        listed = islice(chain([first], found), limit)
        write_lines(map(json_line, listed) if as_json else member_lines(listed))
        if limit is not None and next(found, None) is not None:
            console.print("[yellow]![/] there are more: --limit")


def export(
    config: ConfigPath,
    as_json: AsJson = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write into this file, or folder.")
    ] = None,
    outcomes: Annotated[
        bool, typer.Option("--outcomes", help="Write outcomes and memberships as tables.")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", metavar="csv|parquet", help="Of these tables.")
    ] = "csv",
    dictionary: Annotated[
        bool, typer.Option("--dictionary", help="Say what the columns of these tables mean.")
    ] = False,
) -> None:
    """Write all current assignments, in no order that means anything."""
    if dictionary:
        tell_dictionary(to, as_json=as_json)
        return
    plan = plan_of(config)
    with _asking(plan) as asked:
        found = counted(asked.assignments(), console, "users written")
        if outcomes:
            write_tables(plan, found, to, format_)
        elif as_json:
            write_lines((json_line(msgspec.structs.asdict(each)) for each in found), to)
        else:
            write_lines(assignment_lines(found), to)


def _below(notes: Iterator[str]) -> Iterator[str]:
    """Notes, if there are any, below an empty line."""
    for at, note in enumerate(notes):
        if at == 0:
            yield ""
        yield note


@contextmanager
def _asking(plan: Plan) -> Iterator[StoreReader]:
    with view(plan, lambda records: counted(records, console, "records read")) as asked:
        yield asked
        if asked.unreadable:
            console.print(
                f"[yellow]![/] {asked.unreadable:,} records of the changelog are none of "
                "flockwise's and were passed over",
                soft_wrap=True,
            )


def _question(
    plan: Plan, segment: str | None, cluster: str | None, model: str | None
) -> Callable[[StoreReader], Generator[Member]]:
    """Whose members are asked for.

    Raises:
        UsageError: neither or both, or there is no such model or cluster.
    """
    if segment is not None and cluster is None and model is None:
        return lambda asked: _known(plan, asked, segment)
    if segment is None and cluster is not None:
        name = _model(plan, model)
        who = int(cluster) if cluster.isdecimal() else _cluster(plan, name, cluster)
        return lambda asked: (member for member in asked.cluster_members(name, who))
    raise UsageError("expected either a segment, or a --cluster, which may have a --model NAME")


def _nobody(config: Path, segment: str | None) -> str:
    if segment is not None:
        return f"nobody is in '{segment}' now"
    return (
        "nobody is in this cluster now: `flockwise clusters list "
        f"{shlex.quote(str(config))}` says how many users each has"
    )


def _model(plan: Plan, model: str | None) -> str:
    known = list(plan.config.clusters)
    if not known:
        raise UsageError("the configuration has no cluster model")
    if model is None or model in known:
        return model or known[0]
    hint = nearest(model, known) or f"; there are {', '.join(known)}"
    raise UsageError(f"there is no cluster model '{model}'{hint}")


def _cluster(plan: Plan, model: str, name: str) -> int:
    """The id of a cluster of the newest version by its name, however that is spelled."""
    clusters = history_of(published(plan), model)[-1].clusters
    found = [cluster.id for cluster in clusters if cluster.name.casefold() == name.casefold()]
    if found:
        return found[0]
    names = [cluster.name for cluster in clusters]
    hint = nearest(name, names) or "; there are " + ", ".join(f"'{each}'" for each in names)
    raise UsageError(f"--cluster: '{model}' has none of the name '{name}'{hint}")


def _known(plan: Plan, asked: StoreReader, segment: str) -> Generator[Member]:
    """The users of a segment that there is: in the configuration, or among what was judged.

    Raises:
        UsageError: there is no such segment.
    """
    nobody = True
    for member in asked.members(segment):
        nobody = False
        yield member
    if nobody and segment not in plan.config.segments:
        known = list(plan.config.segments)
        hint = nearest(segment, known) or f"; there are {', '.join(known) or 'none'}"
        raise UsageError(f"there is no segment '{segment}'{hint}")
