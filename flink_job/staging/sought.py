"""What is read of events, as far as a file must be read by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flink_job.inspection.wanted import Wanted
from operators.events.names import alternatives


@dataclass(frozen=True)
class Sought:
    """The names of all `fields`, of those that are `numbers`, and of users' and sessions' `ids`.

    `each` is the field of a record in which a list of events stands, if there is one.
    """

    fields: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    each: str | None = None

    @classmethod
    def of(cls, wanted: Wanted) -> Sought:
        """What a configuration asks for."""
        named = (wanted.events.user, wanted.events.session)
        ids = frozenset(each for name in named if name for each in alternatives(name))
        return cls(wanted.fields, wanted.number_fields, ids, wanted.events.each)


NOTHING_SOUGHT: Final = Sought()
