"""What windows in tiles really have in them, where a why tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from operators.contracts.records import Assignment
from operators.features.listing import edges
from operators.features.spec import FeatureSpec


def edge_lines(found: Assignment, features: Mapping[str, FeatureSpec]) -> Iterator[str]:
    """A line for each feature in tiles that the reasons of an assignment name."""
    reasons = " ".join(reason for why in found.why.values() for reason in why)
    named = set(re.findall(r"\w+", reasons))
    for name, window in edges(features).items():
        if name in named:
            yield f"{name} has {window}."
