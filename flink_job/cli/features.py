"""`flockwise features`: the features of a configuration, and what each costs a user."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, plan_of
from flink_job.cli.shown import rows
from flink_job.config.model import Config
from flink_job.control.steering import Steering
from operators.features.catalog import Catalog
from operators.features.listing import Listed, listed
from operators.features.profiles import Profiles
from operators.outcomes.outcomes import Outcomes
from operators.outcomes.sessions import SessionReader
from operators.outcomes.settling import Accounts
from operators.pages.layout import Field

_HEADER = ("feature", "kind", "type", "unit", "window", "tile", "short by", "bytes a user")


def features(
    config: ConfigPath,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    since: Annotated[
        bool, typer.Option("--since", help="Ask Kafka since when the job counts each.")
    ] = False,
) -> None:
    """List the features: type, unit, window, and the state that each takes."""
    plan = plan_of(config)
    checked = plan.config
    catalog = checked.catalog()
    found = listed(checked.features, catalog)
    counting = Steering(plan).counting_since() if since else {}
    if as_json:
        write_lines(json_line(_told(each, counting)) for each in found)
        return
    row_bytes = 8 * Profiles(catalog).table.layout.width
    header = (*_HEADER, "counts since") if since else _HEADER
    write_lines(
        [
            *rows(header, (_cells(each, counting) for each in found)),
            f"A user's row takes {row_bytes:,} bytes, times and sessions included.",
            *_of_outcomes(checked, catalog),
        ]
    )


def _of_outcomes(config: Config, catalog: Catalog) -> Iterator[str]:
    """What outcomes take of a user, in both places where something is kept."""
    if config.outcomes is None:
        return
    outcomes = Outcomes.of(config.outcomes)
    segments, models = (
        [(name, "") for name in each] for each in (config.segments, config.clusters)
    )
    counted = _bytes(SessionReader(outcomes, catalog.event_types).fields())
    judged = _bytes(Accounts(outcomes, segments, models).fields())
    per = _bytes(Accounts(outcomes, [*segments, ("", "")], models).fields()) - judged
    yield (
        f"Outcomes take {counted + judged:,} bytes more of a user: {counted:,} of the session, and "
        f"{judged:,} beside the segments, each of which takes some {per:,}."
    )


def _bytes(fields: Iterable[Field]) -> int:
    return sum(8 * field.words for field in fields)


def _told(feature: Listed, counting: Mapping[str, str | None]) -> dict[str, Any]:
    since = {"since": counting[feature.name]} if feature.name in counting else {}
    return {**dataclasses.asdict(feature), "short_by": feature.short_by, **since}


def _cells(feature: Listed, counting: Mapping[str, str | None]) -> tuple[str, ...]:
    since = (counting[feature.name] or "-",) if feature.name in counting else ()
    more = f" + {feature.entry_bytes} a value" if feature.entry_bytes else ""
    return (
        feature.name,
        feature.kind,
        feature.type,
        feature.unit or "-",
        f"{feature.window or '-'}{f', exact {feature.exact}' if feature.exact else ''}",
        feature.tile or "-",
        f"up to {feature.short_by}" if feature.short_by else "-",
        f"{feature.state_bytes}{more}",
        *since,
    )
