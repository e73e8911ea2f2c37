"""What Profile keeps of each user: the fields of a row, and the sets beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from operators.base.arrays import NEVER
from operators.features import sessions
from operators.features.accumulators import SetAccumulator
from operators.features.catalog import Catalog
from operators.features.dedup import IDS
from operators.features.shared_windows import SharedWindow
from operators.pages.layout import Field, Layout

NEWEST: Final = "newest_us"  # the user's newest event
DUE: Final = "due_us"  # when the user is to be evaluated next, with no new event
EVALUATED: Final = "evaluated_us"  # when the user was evaluated last, and Assign was told


def layout_of(catalog: Catalog, more: Sequence[Field] = ()) -> Layout:
    """The fields of all features, and `more`."""
    return Layout(
        [
            Field(NEWEST, "i8", initial=-1),
            Field(DUE, "i8", initial=NEVER, as_column=True),
            Field(EVALUATED, "i8", initial=-1),
            *(_of_sessions(catalog) if catalog.uses_sessions else ()),
            *(_of_window(shared, catalog) for shared in catalog.windows),
            *(
                replace(field, labels=(catalog.identities[name],))
                for name, feature in catalog.alone.items()
                for field in feature.fields()
            ),
            *more,
        ]
    )


def _of_sessions(catalog: Catalog) -> list[Field]:
    labels = (f"gap {catalog.session_gap_us}",)
    return [replace(field, labels=labels) for field in sessions.FIELDS]


def _of_window(shared: SharedWindow, catalog: Catalog) -> Field:
    labels = tuple(catalog.identities[member.name] for member in shared.members)
    return replace(shared.window.field(), labels=labels)


def sets_of(catalog: Catalog) -> dict[str, str]:
    """The sets, each with its label."""
    members = [member for shared in catalog.windows for member in shared.members]
    kept = {
        name: catalog.identities[member.name]
        for member in members
        if isinstance(member.accumulator, SetAccumulator)
        for name in member.accumulator.sets
    }
    return {IDS: "", **kept}  # without ids it is empty, so that they may be turned on and off
