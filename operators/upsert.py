"""Upsert: brings the committed changelog into a store.

Key: one for all. State: none; after a restart the records since the last checkpoint come again,
and the store knows them by their versions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import compress
from typing import Any, Final, TypeVar

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext

from operators.base.errors import StoreError
from operators.base.moments import now_us
from operators.contracts.outcomes import OutcomeRecord, outcome_decoder
from operators.contracts.records import (
    ASSIGNMENT,
    OUTCOME,
    TRANSITION,
    Assignment,
    Change,
    Transition,
    assignment_decoder,
    change,
    transition_decoder,
)
from operators.contracts.store import StoreWriter
from operators.events.markers import NULL
from operators.flink.metrics import UpsertMetrics

# A store that is away longer than this fails the job into a restart, where Flink waits longer.
_PATIENCE_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0

_log = logging.getLogger(__name__)
_R = TypeVar("_R", Assignment, Transition, OutcomeRecord)


class Upsert(KeyedProcessFunction):
    """Input: (kinds, values, time in Kafka of the newest). Output: nothing."""

    def __init__(self, open_store: Callable[[], StoreWriter]) -> None:
        self._open_store = open_store

    def open(self, runtime_context: RuntimeContext) -> None:
        self._store: StoreWriter | None = None
        self._metrics = UpsertMetrics(runtime_context.get_metrics_group())
        # It connects at its first use, but a secret that is not there fails the job's start.
        self._store = self._open_store()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        kinds, values, written_ms = value
        read_ms = now_us() // 1_000

        def of(kind: bytes) -> Iterator[bytes]:
            return compress(values, [each == kind for each in kinds])

        assignments = self._decoded(assignment_decoder, of(ASSIGNMENT))
        transitions = self._decoded(transition_decoder, of(TRANSITION))
        outcomes = self._decoded(outcome_decoder, of(OUTCOME))
        self._write(list(map(change, assignments)), transitions, outcomes)
        self._metrics.written(len(assignments), len(transitions), len(outcomes))
        self._metrics.delays(
            max((record.event_at or 0 for record in assignments), default=0), read_ms, written_ms
        )
        yield from ()

    def _write(
        self, changes: list[Change], transitions: list[Transition], outcomes: list[OutcomeRecord]
    ) -> None:
        """Write, and try again while the store is away; nothing is passed over."""
        give_up_s, wait_s = time.monotonic() + _PATIENCE_S, _FIRST_WAIT_S
        assert self._store is not None  # since `open`
        while True:
            try:
                self._store.apply(changes, transitions, outcomes)
                return
            except StoreError as error:
                if time.monotonic() > give_up_s:
                    raise
                _log.warning("the store is away, trying again: %s", error)
                self._metrics.retried()
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _decoded(self, decoder: msgspec.json.Decoder[_R], values: Iterable[bytes]) -> list[_R]:
        """The records; what flockwise did not write is counted and left where it is."""
        records = []
        for value in values:
            if value == NULL:
                continue  # it makes Kafka drop what is older; the record before it said so
            try:
                records.append(decoder.decode(value))
            except (msgspec.DecodeError, UnicodeDecodeError):
                _log.warning("a record of the changelog is none of flockwise's")
                self._metrics.unreadable()
        return records
