"""`flockwise features`: the features of a configuration, and what each costs a user."""

from __future__ import annotations

from typing import Annotated

import typer

from flink_job.cli.output import json_line, write_lines
from flink_job.cli.run import ConfigPath, plan_of
from flink_job.cli.shown import rows
from operators.features.catalog import Catalog
from operators.features.listing import Listed, listed
from operators.features.profiles import Profiles

_HEADER = ("feature", "kind", "type", "unit", "window", "tile", "bytes a user")


def features(
    config: ConfigPath,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the features: type, unit, window, and the state that each takes."""
    checked = plan_of(config).config
    catalog = Catalog.compile(checked.features, checked.events.session_gap_us)
    found = listed(checked.features, catalog)
    if as_json:
        write_lines(map(json_line, found))
        return
    row_bytes = 8 * Profiles(catalog).table.layout.width
    write_lines(
        [
            *rows(_HEADER, map(_cells, found)),
            f"A user's row takes {row_bytes:,} bytes, times and sessions included.",
        ]
    )


def _cells(feature: Listed) -> tuple[str, ...]:
    more = f" + {feature.entry_bytes} a value" if feature.entry_bytes else ""
    return (
        feature.name,
        feature.kind,
        feature.type,
        feature.unit or "-",
        feature.window or "-",
        feature.tile or "-",
        f"{feature.state_bytes}{more}",
    )
