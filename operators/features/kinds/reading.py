"""Which property of events a feature reads that is of one."""

from __future__ import annotations

from operators.features.kinds.definition import Definition
from operators.features.kinds.options import NUMBER, TYPE
from operators.features.properties import Property


def number(feature: Definition) -> Property:
    """The property that the feature is of: a number."""
    return Property(feature.value, number=True)


def text(feature: Definition) -> Property:
    """The property that the feature is of: a text."""
    return Property(feature.value, number=False)


def of_type(feature: Definition) -> Property:
    """The property that the feature is of: a number or a text, as its type says."""
    return Property(feature.value, number=feature.get(TYPE) == NUMBER)
