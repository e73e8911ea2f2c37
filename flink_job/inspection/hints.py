"""What may be meant by a name that no event has: the nearest of those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operators.base.errors import nearest
from operators.events.names import alternatives

_MOST_LISTED: Final = 12


def field_hint(name: str, known: Sequence[str]) -> str:
    """What a field may be called, or what fields there are."""
    within = [each for each in known if each.rpartition(".")[2] == name]
    wanted = within[0] if within else alternatives(name)[0]
    return nearest(wanted, list(known)) or f"; they have {_listed(known)}"


def type_hint(name: str, known: Sequence[str]) -> str:
    """What a type may be called, or what types there are."""
    return nearest(name, list(known)) or f"; there are {_listed(known)}"


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _MOST_LISTED else ""
    return ", ".join(f"'{name}'" for name in names[:_MOST_LISTED]) + more if names else "none"
