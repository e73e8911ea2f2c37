"""How long does a start take, and where do its seconds go?

Runs `flockwise run` over a small file, again and again: the first time of all makes the class
archive as it ends. The moments are those of the job's log, counted from the start of the command;
compare those of one machine only, with nothing else at work on it. `make bench-start` prints them.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml
from rich.console import Console
from rich.table import Table

from tests.flink.harness import config_of, write_events
from tests.oracle import SECOND, Event

# The first line, or the last, of the log that says so.
MOMENTS: Final = {
    "Flink has the job": ("Created execution graph", 0),
    "all operators run": ("from INITIALIZING to RUNNING", -1),
    "all events are committed": ("switched from state RUNNING to FINISHED", -1),
}
COMMAND: Final = (sys.executable, "-m", "flink_job")
STAMP: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) ")


def main() -> None:
    """Run and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--events", type=int, default=2_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = prepare(Path(name), given.events)
        found = [measured(config) for _ in range(given.runs + 1)]
    table = Table("moment", "first run", "median of the others", box=None)
    for moment, first in found[0].items():
        others = statistics.median(each[moment] for each in found[1:])
        table.add_row(moment, f"{first:.1f} s", f"{others:.1f} s")
    Console().print(table)


def prepare(folder: Path, events: int) -> Path:
    """A small file of events and its configuration."""
    start = 1_790_000_000 * SECOND
    seen = (Event(f"user-{n % 100}", start + n * SECOND, "view") for n in range(events))
    write_events(folder / "events.jsonl", seen)
    features = {"views": {"count": "view", "window": "1h"}}
    config = folder / "start.yaml"
    config.write_text(yaml.safe_dump(config_of(features, {"Many": {"when": "views >= 2"}})))
    return config


def measured(config: Path) -> dict[str, float]:
    """The moments of one run and its end, in seconds since the command was started."""
    logs = config.parent / "state" / "logs"
    for log in logs.glob("flink-*.log"):
        log.unlink()
    started_s = time.time()
    command = [*COMMAND, "run", "--fresh", str(config)]
    subprocess.run(command, check=True, capture_output=True)
    ended_s = time.time()
    (log,) = logs.glob("flink-*.log")
    lines = log.read_text().splitlines()
    moments = {
        moment: second([line for line in lines if said in line][which]) - started_s
        for moment, (said, which) in MOMENTS.items()
    }
    return {**moments, "the command is over": ended_s - started_s}


def second(line: str) -> float:
    """When a line was logged, in seconds since 1970."""
    found = STAMP.match(line)
    assert found is not None
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S.%f").astimezone().timestamp()


if __name__ == "__main__":
    main()
