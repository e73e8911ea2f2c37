"""`flockwise segments audit`: whether segments differ in what they bring, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml
from rich.markup import escape

from flink_job.cli.ask import AsJson
from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, console, plan_of
from flink_job.cli.shown import printable, rows
from flink_job.config.lists import with_lists
from flink_job.config.load import read
from flink_job.config.model import Config
from flink_job.plan import Plan
from flink_job.queries.outcomes import published_outcomes
from operators.base.errors import UsageError
from operators.clustering.spec import cluster_column
from operators.features.kinds.options import types_of
from operators.membership.clusterings import CLUSTER
from operators.rules.checking import check

if TYPE_CHECKING:
    from flink_job.audit.auditing import AuditedConfiguration
    from flink_job.audit.corrections import Correction
    from flink_job.audit.findings import Audit, SameFound

_CORRECTIONS: Final[Mapping[str, Correction]] = {"holm": "holm", "bh": "benjamini-hochberg"}


def audit(  # noqa: PLR0913, PLR0917 - its options
    config: ConfigPath,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Cohorts that begin then or later.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Cohorts that begin then or before.")
    ] = None,
    alpha: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="The error that is allowed.")
    ] = 0.05,
    correction: Annotated[
        str, typer.Option(metavar="holm|bh", help="Holm's, or Benjamini and Hochberg's.")
    ] = "holm",
    margin: Annotated[
        float, typer.Option(min=0.001, max=1, help="The part by which the same may differ.")
    ] = 0.2,
    overlap: Annotated[
        float, typer.Option(min=0.01, max=1, help="The part of users in both of the same.")
    ] = 0.8,
    fewest: Annotated[int, typer.Option(min=2, help="Smaller segments are not compared.")] = 100,
    everything: Annotated[
        bool, typer.Option("--all", help="Tell of comparisons, too, that found nothing.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Draw it into this file, too.")
    ] = None,
    proposal: Annotated[
        Path | None,
        typer.Option("--proposal", metavar="FILE", help="Write CONFIG without what is the same."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how segments differ in what users bring, what holdouts prove, and which are the same.

    What is tested how, and what it can't say, stands in flink_job/audit/README.md.
    """
    plan = plan_of(config)
    days, corrected = (_day("--from", first), _day("--to", last)), _correction(correction)
    _check_place(config, proposal)
    records = published_outcomes(plan)
    # Scipy takes a second to import.
    from flink_job.audit.auditing import audit as audited  # noqa: PLC0415
    from flink_job.audit.findings import Question  # noqa: PLC0415

    question = Question(*days, alpha, corrected, margin, overlap, fewest)
    found = audited(records, question, _configured(plan))
    write_lines(map(json_line, found.findings()) if as_json else _lines(found, everything))
    if html is not None:
        from flink_job.audit.page import audit_page  # noqa: PLC0415

        title = f"What segments of {plan.config.name} are worth"
        write_lines([audit_page(found, title)], html, option="--html")
        console.print(f"[green]✓[/] {escape(str(html))}: open it in a browser", soft_wrap=True)
    if proposal is not None:
        _propose(config, found.same, proposal)


def _lines(found: Audit, everything: bool) -> Iterator[str]:
    from flink_job.audit.sections import asked, sections  # noqa: PLC0415

    yield asked(found.question)
    for section in sections(found, everything=everything):
        yield ""
        yield section.title.upper()
        yield from map(printable, section.about)
        if section.rows:
            yield from rows(section.header, section.rows)


def _configured(plan: Plan) -> AuditedConfiguration:
    from flink_job.audit.auditing import AuditedConfiguration  # noqa: PLC0415
    from flink_job.audit.by_definition import OutcomeEvents, contained  # noqa: PLC0415
    from flink_job.audit.groups import STRATUM  # noqa: PLC0415

    config = plan.config
    segments = {each.name: each for each in check(config.segments, plan.judged_columns())[0]}
    assert config.outcomes is not None  # whoever has published outcomes measures them
    outcomes = {
        name: OutcomeEvents(types_of(each.event), each.value)
        for name, each in config.outcomes.named.items()
    }
    return AuditedConfiguration(
        config.segments,
        contained(segments, config.features, _features_of_clusters(config), outcomes),
        {name: each.holdout for name, each in segments.items() if each.holdout},
        next(iter(config.outcomes.strata), STRATUM),
    )


def _features_of_clusters(config: Config) -> dict[str, tuple[str, ...]]:
    """The features of each model, by the columns by which conditions ask for its clusters."""
    found = {cluster_column(name): spec.features for name, spec in config.clusters.items()}
    return {CLUSTER: next(iter(found.values()), ()), **found}


def _day(option: str, text: str | None) -> str | None:
    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{option}: expected a day such as 2026-01-31, found '{text}'") from None


def _correction(word: str) -> Correction:
    if word not in _CORRECTIONS:
        raise UsageError(f"--correction: expected {' or '.join(_CORRECTIONS)}, found '{word}'")
    return _CORRECTIONS[word]


def _check_place(config: Path, proposal: Path | None) -> None:
    """Paths in a configuration go from its folder, so another one must lie there, too."""
    if proposal is None:
        return
    if proposal.resolve().parent != config.resolve().parent:
        raise UsageError(f"--proposal: expected a file in the folder of {config}")
    if proposal.resolve() == config.resolve():
        raise UsageError(f"--proposal: {config} itself is not written over")


def _propose(config: Path, found: list[SameFound], to: Path) -> None:
    from flink_job.audit.merging import merged  # noqa: PLC0415

    plain: Any = with_lists(read(config), config)
    segments: Mapping[str, Any] = plain.get("segments", {})
    done: list[str] = []
    for same in found:
        if same.when is not None and {same.group, same.other} <= segments.keys() - set(done):
            segments = merged(same, segments)
            done += [same.group, same.other]
    if not done:
        console.print("[yellow]![/] --proposal: no two segments can be made one without a person")
        return
    text = yaml.safe_dump(
        {**plain, "segments": dict(segments)}, sort_keys=False, allow_unicode=True
    )
    write_lines([text.rstrip()], to, option="--proposal")
    fewer = len(done) // 2
    counted = "1 segment fewer" if fewer == 1 else f"{fewer} segments fewer"
    told = f"{to}: {counted}; `flockwise segments preview {to}` says of whom"
    console.print(f"[green]✓[/] {escape(printable(told))}", soft_wrap=True, highlight=False)
