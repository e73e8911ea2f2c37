"""Dead letters on their way out of an operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyflink.common import Row

from operators.base.moments import now_us
from operators.contracts.letters import dead_letter, shortened_key
from operators.contracts.records import encode
from operators.events.decode import Rejected
from operators.events.markers import NULL
from operators.flink.metrics import ProfileMetrics
from operators.flink.streams import DEAD_LETTERS
from operators.settings import Settings


class OutgoingLetters:
    """Makes dead letters of the records that Profile can't use, and counts them by reason."""

    def __init__(self, settings: Settings, metrics: ProfileMetrics) -> None:
        self._outputs = settings.outputs
        self._keyless = settings.events.key == "none"
        self._metrics = metrics

    def of(
        self, rejected: Sequence[Rejected], keys: Sequence[bytes], values: Sequence[bytes]
    ) -> Iterator[Any]:
        """Those of a batch; `rejected` says where in it they are."""
        most, now = self._outputs.most_letter_bytes, now_us() if rejected else 0
        for record in rejected:
            self._metrics.dead_letter(record.reason)
            key = NULL if self._keyless else keys[record.source]
            letter = dead_letter(record, key, values[record.source], now, most)
            kept_key = None if key == NULL else shortened_key(key, most)
            yield DEAD_LETTERS, Row(self._outputs.dead_letters, kept_key, encode(letter))
