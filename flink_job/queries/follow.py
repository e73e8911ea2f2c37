"""Follows a changelog in a folder and brings its committed files into a store."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.kafka_client.topics import Topics
from flink_job.stores.base import Store
from operators.base.errors import FlockwiseError, StoreError
from operators.contracts.outcomes import CohortOutcomes, DayOutcomes, OutcomeRecord, outcome_decoder
from operators.contracts.records import (
    Assignment,
    Transition,
    assignment_decoder,
    change,
    transition_decoder,
)

_EVERY_S: Final = 0.5

_Decoder = (
    msgspec.json.Decoder[Assignment]
    | msgspec.json.Decoder[Transition]
    | msgspec.json.Decoder[OutcomeRecord]
)


class Follower:
    """Applies each committed file once: in a thread between `start` and `stop`."""

    def __init__(self, folder: Path, topics: Topics, store: Store) -> None:
        self._folders: dict[Path, _Decoder] = {
            folder / topics.assignments: assignment_decoder,
            folder / topics.transitions: transition_decoder,
        }
        if topics.outcomes is not None:
            self._folders[folder / topics.outcomes] = outcome_decoder
        self._folder = folder
        self._store = store
        self._seen: set[Path] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.error: FlockwiseError | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; the store is not used any more."""
        self._stop.set()
        self._thread.join()

    def apply(self) -> int:
        """Apply the files that were committed since the last time; gives how many.

        Raises:
            StoreError: the store can't be written.
        """
        files = [
            (path, decoder)
            for folder, decoder in self._folders.items()
            for path in committed_files(folder)
            if path not in self._seen
        ]
        for path, decoder in files:
            self._apply_file(path, decoder)
            self._seen.add(path)
        return len(files)

    def _apply_file(self, path: Path, decoder: _Decoder) -> None:
        records = decoder.decode_lines(path.read_bytes())
        changes = [change(record) for record in records if isinstance(record, Assignment)]
        transitions = [record for record in records if isinstance(record, Transition)]
        outcomes = [each for each in records if isinstance(each, DayOutcomes | CohortOutcomes)]
        self._store.apply_file(str(path.relative_to(self._folder)), changes, transitions, outcomes)

    def _follow(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.apply()
                self.error = None
            except StoreError as error:
                self.error = error  # the changelog waits; the next round tries again
