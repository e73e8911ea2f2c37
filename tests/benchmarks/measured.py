"""The process of a room: `measuring` starts it."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys

import msgspec

from tests.benchmarks.room import Asked, Room


def main(words: str) -> None:
    """Measure what is asked for; the folder goes."""
    signal.signal(signal.SIGTERM, _ended)
    # In the background a shell lets it be ignored, and so would all that is stopped by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    room = Room(msgspec.json.decode(words, type=Asked))
    module = importlib.import_module(f"tests.benchmarks.{room.asked.room}")
    try:
        room.trying(room.asked.keys, lambda: module.measure(room))
    finally:
        shutil.rmtree(room.folder, ignore_errors=True)
        os._exit(0)  # nothing that a failed job has left here may keep the others waiting


def _ended(number: int, _frame: object) -> None:
    raise SystemExit(f"ended by signal {number}")


if __name__ == "__main__":
    main(sys.argv[1])
