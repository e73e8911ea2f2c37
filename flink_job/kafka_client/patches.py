"""What makes kafka-python quiet, and mends it."""

from __future__ import annotations

import logging
from typing import Any, Final

from kafka.consumer.fetcher import Fetcher

_has_abort_marker: Final = Fetcher.PartitionRecords._contains_abort_marker


def apply() -> None:
    """Quieten and mend the library in this process; again makes no difference."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it logs it raises as well
    Fetcher.PartitionRecords._contains_abort_marker = _has_abort_marker_if_any


def _has_abort_marker_if_any(records: Any, batch: Any) -> bool:
    """kafka-python takes the first record of what ends a transaction, and fails if there is none.

    A broker removes it a day after a compaction has removed the transaction (KAFKA-7467).
    """
    try:
        return bool(_has_abort_marker(records, batch))
    except StopIteration:
        return False
