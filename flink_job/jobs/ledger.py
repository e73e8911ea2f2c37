"""The ledger of a bounded run: what became of its records.

Each lane writes a line at the end of its input. The lines are committed with the checkpoints, as
all records are, so that the ledger is exact however often the run was killed and resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from flink_job.connectors.committed import committed_files
from flink_job.connectors.sinks import FolderSink
from operators.base.errors import JobError
from operators.contracts.records import LEDGER, LaneTotals

_decode_lines = msgspec.json.Decoder(LaneTotals).decode_lines


def ledger_sink(folder: Path) -> FolderSink:
    """Writes the ledger of the run that keeps its state in `folder`."""
    return FolderSink(folder, (LEDGER,))


def totals(folder: Path) -> dict[str, int]:
    """What became of the records of all lanes, as far as they are committed.

    Of `people` there is a number where there is a roster alone.
    """
    found = Counter[str](dict.fromkeys(LaneTotals.__struct_fields__, 0))
    for path in committed_files(folder / LEDGER):
        for lane in _decode_lines(path.read_bytes()):
            found.update(msgspec.structs.asdict(lane))
    del found["lane"]
    if not found["people"]:
        del found["people"]
    return dict(found)


def account(found: Mapping[str, int], expected: int | None) -> None:
    """Make sure that every record is in exactly one place.

    Args:
        found: the totals.
        expected: how many records there were to read, None if that is not known.

    Raises:
        JobError: records were lost or counted twice.
    """
    records = found["records"]
    taken = found["events_applied"] + found.get("people", 0)
    placed = taken + found["dead_letters"] + found["duplicates"]
    if records != placed or (expected is not None and records != expected):
        raise JobError(
            f"of {records if expected is None else expected} records {records} were read and "
            f"{placed} applied, dropped or refused: some were lost or counted twice"
        )


def check_some_used(found: Mapping[str, int]) -> None:
    """Make sure that not every record has become a dead letter; none at all are no mistake.

    Raises:
        JobError: every one has.
    """
    records = found.get("records", 0)
    if records and records == found.get("dead_letters"):
        raise JobError(
            f"every one of {records:,} records became a dead letter, so nobody was judged: "
            "`flockwise deadletters` shows why"
        )
