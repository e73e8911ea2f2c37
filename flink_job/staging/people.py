"""The roster of a run over files, as lines that stand before its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from flink_job.config.model import FileSource
from flink_job.inspection.hints import field_hint
from flink_job.staging.files import expanded
from flink_job.staging.lines import lines_by_user
from flink_job.staging.reading import read
from flink_job.staging.sought import Sought
from operators.base.errors import UsageError
from operators.events.markers import ROSTER
from operators.events.names import alternatives, shown_name
from operators.events.roster import RosterDecoder
from operators.events.seen_names import SeenNames

_CHUNK: Final = 10_000  # records decoded together


class StagedRoster:
    """The lines of a roster, and how many `records` there are, of which `usable` are people.

    Args:
        source: its files.
        user: the field of the user.
        decoder: reads its records.
        heard: takes what was found out of how files are written.
    """

    def __init__(
        self, source: FileSource, user: str, decoder: RosterDecoder, heard: Callable[[str], None]
    ) -> None:
        self._source, self._user, self._decoder, self._heard = source, user, decoder, heard
        self.records = self.usable = 0
        self.example = ""

    def lines(self) -> Iterator[bytes]:
        """All of them.

        Raises:
            UsageError: a file can't be read, or nobody is in it.
        """
        names = SeenNames()
        values = (
            value
            for path in expanded(self._source.paths)
            for value in read(path, self._source, sought=self._sought(), hear=self._heard)
        )
        while chunk := list(islice(values, _CHUNK)):
            yield from self._staged(chunk)
            names.add(chunk[:100])
        if not self.usable:
            found = names.most(names.fields, 1_000)
            hint = "" if self._user in found else field_hint(self._user, found)
            none = f"roster.user: none of {self.records:,} records of the roster can be used"
            raise UsageError(f"{none} ('{shown_name(self._user)}'){hint or f': {self.example}'}")

    def doubts(self) -> Iterator[str]:
        """What of it can hardly be meant."""
        refused = self.records - self.usable
        if refused:
            of = f"{refused:,} of {self.records:,} records of the roster can't be used"
            yield f"{of}: {self.example}"

    def _staged(self, chunk: list[bytes]) -> Iterator[bytes]:
        decoded = self._decoder.decode((), chunk)
        self.records += len(chunk)
        self.usable += len(decoded.events)
        for rejected in decoded.rejected[:1]:
            self.example = self.example or rejected.detail
        yield from lines_by_user(chunk, decoded.events, ROSTER)

    def _sought(self) -> Sought:
        read = frozenset({self._user}) | self._decoder.fields
        return Sought(read, self._decoder.number_fields, frozenset(alternatives(self._user)))
