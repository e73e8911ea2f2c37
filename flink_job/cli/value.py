"""`flockwise value`: what customers will buy, and for how much, by what they have bought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from flink_job.cli.ask import AsJson
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import console, plan_of
from flink_job.cli.shown import printable, rows, warn
from flink_job.plan import Plan
from flink_job.queries.users import view
from operators.base.errors import FlockwiseError, UsageError, nearest
from operators.base.moments import now_us
from operators.outcomes.spec import OutcomeSpec

if TYPE_CHECKING:
    from flink_job.lifetime_value.customers import Customers
    from flink_job.lifetime_value.worth import CustomerWorth, ModelFitted, SegmentWorth

_CONFIGURATIONS: Final = (".yaml", ".yml")


def value(
    source: Annotated[
        Path,
        typer.Argument(metavar="CONFIG|TABLE", help="A configuration over files, or a table."),
    ],
    horizon: Annotated[
        float, typer.Option(min=0.001, metavar="N", help="How far ahead: days, or a table's unit.")
    ] = 90.0,
    outcome: Annotated[
        str | None, typer.Option(metavar="NAME", help="The outcome that is a purchase.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,C,D,E", help="Customer, frequency, recency, T, mean value."),
    ] = None,
    customers: Annotated[
        bool, typer.Option("--customers", help="Tell of each customer, not by segment.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write into this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what customers will buy in a time to come, and for how much, one by one or by segment.

    BG/NBD and Gamma-Gamma are fitted to what they have bought. A TABLE is CSV or Parquet with a
    line a customer; of a CONFIG the files of its events are read.
    """
    if source.suffix in _CONFIGURATIONS:
        if columns is not None:
            raise UsageError("--columns: they are those of a table, and a configuration has none")
        plan = plan_of(source)
        known, members = _bought(plan, outcome), _members(plan)
    else:
        known, members = _of_table(source, columns), {}
    from flink_job.lifetime_value.worth import worth  # noqa: PLC0415 - scipy takes a second

    found = worth(known, horizon)
    for model in found.models:
        if model.problem is not None:
            warn(console, f"{model.model} is not to be relied on: {model.problem}")
    told = list(found.each()) if customers else found.by_segment(members)
    if as_json:
        write_lines(map(json_line, [*found.models, *told]), to)
    elif customers:
        write_lines(_customer_lines(found.each(), horizon), to)
    else:
        write_lines(_lines(found.models, found.by_segment(members), horizon), to)


def _of_table(path: Path, columns: str | None) -> Customers:
    from flink_job.lifetime_value.table import COLUMNS, read_customers  # noqa: PLC0415 - pyarrow

    named = COLUMNS if columns is None else tuple(columns.split(","))
    if len(named) != len(COLUMNS):
        raise UsageError(f"--columns: expected {len(COLUMNS)} names, found {len(named)}")
    return read_customers(path, named)


def _bought(plan: Plan, outcome: str | None) -> Customers:
    from flink_job.jobs.looking import latest_us  # noqa: PLC0415
    from flink_job.lifetime_value.event_files import purchases_of  # noqa: PLC0415

    files = plan.paths.files()
    if files is None:
        raise UsageError("source: expected files: what customers have bought is read from them")
    spec = _outcome(plan, outcome)
    found = purchases_of(files, plan.config.events, spec, latest_us(plan, now_us()))
    return found.customers().checked("source.files")


def _outcome(plan: Plan, name: str | None) -> OutcomeSpec:
    """The outcome of a name, or the only one that has values."""
    named = {} if plan.config.outcomes is None else plan.config.outcomes.named
    if name is None:
        valued = {key: each for key, each in named.items() if each.value is not None}
        if len(valued) == 1:
            return next(iter(valued.values()))
        there = f"there are {', '.join(valued)}" if valued else "outcomes has none with a value"
        raise UsageError(f"--outcome: which one is a purchase? {there}")
    if name not in named:
        hint = nearest(name, list(named)) or f"; there are {', '.join(named) or 'none'}"
        raise UsageError(f"--outcome: there is no '{name}'{hint}")
    return named[name]


def _members(plan: Plan) -> dict[str, set[str]]:
    """The users of each segment now, as far as a run has told."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    try:
        with view(plan, lambda records: records) as told:
            for each in told.assignments():
                for segment in each.segments:
                    found[segment].add(each.user)
    except FlockwiseError as error:
        console.print(
            f"[yellow]![/] by no segment: {escape(printable(str(error)))}", soft_wrap=True
        )
    return {name: found[name] for name in plan.config.segments if name in found}


def _lines(
    models: Iterable[ModelFitted], told: Iterable[SegmentWorth], horizon: float
) -> Iterator[str]:
    for model in models:
        parameters = ", ".join(
            f"{name} {each.value:.4g}" + ("" if each.error is None else f" ± {each.error:.2g}")
            for name, each in model.parameters.items()
        )
        yield (
            f"{model.model} of {model.customers:,} customers: {parameters}; "
            f"log-likelihood {model.log_likelihood:,.1f}"
        )
    yield ""
    header = ("segment", "customers", "alive", *_ahead(horizon), "value of all")
    yield from rows(header, map(_segment, told))


def _customer_lines(told: Iterable[CustomerWorth], horizon: float) -> Iterator[str]:
    header = ("customer", "alive", *_ahead(horizon))
    return rows(
        header,
        (
            (each.customer, f"{each.alive:.1%}", f"{each.purchases:.3f}", _amount(each.value))
            for each in told
        ),
    )


def _ahead(horizon: float) -> tuple[str, str]:
    return f"purchases in {horizon:g}", "value of a customer"


def _segment(found: SegmentWorth) -> tuple[str, ...]:
    return (
        *(found.segment, f"{found.customers:,}", f"{found.alive:.1%}", f"{found.purchases:.3f}"),
        *(_amount(found.value), _amount(found.total_value)),
    )


def _amount(number: float | None) -> str:
    return "not known" if number is None else f"{number:,.2f}"
