"""What users take of a process: memory, and CPU while they are idle, busy, and read from state.

`python -m tests.benchmarks.holding --users 1000000 --memory 2GB` gives each user of some live lanes
an event of the last 25 days, without Flink; then time goes on without events, a look a second; then
users, drawn evenly, have another event; then a lane is read from its state, which is in files. CPU
is that of this process, memory what Linux says is resident: that of its own, and of files. The last
line is a JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Final

from operators.base.durations import US_PER_UNIT
from operators.base.moments import iso_at
from operators.base.sizes import parse_size_bytes
from operators.flink.interpreter import set_up
from operators.pages.journal import Journal
from operators.pages.memory import Budget, disk_folder
from tests.benchmarks.lanes import Lane
from tests.benchmarks.workloads.rich import RICH
from tests.benchmarks.workloads.standard import STANDARD

WORKLOADS: Final = {"standard": STANDARD, "rich": RICH}
_BATCH: Final = 1_000  # events of a lane
_DAYS: Final = 25
_IDLE_S: Final = 20
_BUSY: Final = 40  # batches
_MIB: Final = 1024 * 1024


class Told:
    """What each part took, printed as it comes."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self._cpu_s = time.process_time()

    def part(self, name: str, of: int, per: str) -> None:
        """A part is over; it was about so many."""
        us = (time.process_time() - self._cpu_s) / of * 1e6
        gc.collect()
        anon, file = (resident(kind) / _MIB for kind in ("RssAnon", "RssFile"))
        print(f"{name}: {us:,.1f} us of CPU {per}; {anon:,.0f} + {file:,.0f} MiB in memory")
        self.figures |= {f"{name}_us": us, f"{name}_anon_mib": anon, f"{name}_file_mib": file}
        self._cpu_s = time.process_time()


def resident(kind: str) -> int:
    """Bytes of this process in memory: RssAnon, or RssFile, which lies on a disk, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) * 1_024


def batches(lanes: list[Lane], users: int, told: Told) -> int:
    """Give each user an event; gives the moment of the newest."""
    now_us = time.time_ns() // 1_000
    every_us = _DAYS * US_PER_UNIT["d"] // users
    made = (event(number, now_us - (users - number) * every_us) for number in range(users))
    while some := list(islice(made, _BATCH * len(lanes))):
        for at, lane in enumerate(lanes):
            lane.feed(some[at :: len(lanes)], now_us)
    told.part("loaded", users, "a user")
    return now_us


def idle(lanes: list[Lane], now_us: int, told: Told) -> int:
    """Look each second whom time alone has changed; gives the moment that has come."""
    for lane in lanes:  # what was due before, together
        lane.pass_time(now_us)
    told.part("settled", len(lanes), "a lane")
    for _ in range(_IDLE_S):
        now_us += US_PER_UNIT["s"]
        for lane in lanes:
            lane.pass_time(now_us)
    told.part("idle", _IDLE_S, "a second")
    return now_us


def busy(lanes: list[Lane], users: int, now_us: int, told: Told) -> None:
    """Give users who are drawn evenly another event."""
    draw = random.Random(1)
    for _ in range(_BUSY):
        for at, lane in enumerate(lanes):
            numbers = [draw.randrange(users // len(lanes)) * len(lanes) + at for _ in range(_BATCH)]
            lane.feed([event(number, now_us) for number in numbers], now_us)
    told.part("busy", _BUSY * _BATCH * len(lanes), "an event")


def event(number: int, at_us: int) -> tuple[bytes, bytes]:
    """A view by a user."""
    user = b"idle-%d" % number
    return (
        user,
        b'{"user_id":"%b","event_time":"%b","event_type":"view","category":"c%d","price":%d,'
        b'"device":"desktop"}' % (user, iso_at(at_us).encode(), number % 50, number % 90),
    )


def restored(lanes: list[Lane], folder: Path, told: Told, users: int) -> None:
    """Read the first lane from its state, which lies in files meanwhile."""
    lane = lanes[0]
    for which, journal in (("profile", lane.profiles.journal), ("assign", lane.members.journal)):
        compaction = journal.compact()
        for page, image in compaction.pages.items():
            (folder / f"{which}-{page}").write_bytes(image)
        (folder / f"{which}-head").write_bytes(compaction.head)
        journal.table.pass_by(journal.table.rows())
    told.part("compacted", users // len(lanes), "a user")
    for which, journal in (("profile", lane.profiles.journal), ("assign", lane.members.journal)):
        table = journal.table
        made = Journal(type(table)(table.layout, table.set_labels, table.budget))
        pages = (path.read_bytes() for path in folder.glob(f"{which}-[0-9]*"))
        made.restore((folder / f"{which}-head").read_bytes(), pages, [])
    told.part("restored", users // len(lanes), "a user")


def main() -> None:
    """Print what each part took, and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--workload", choices=WORKLOADS, default="rich")
    parser.add_argument("--memory", help="as run.memory")
    options = parser.parse_args()
    set_up()
    folder = disk_folder()
    size = options.memory and parse_size_bytes(options.memory)
    budget = Budget(size, folder) if size else None
    workload = WORKLOADS[options.workload]
    lanes = [Lane(workload, wall=True, lanes=options.lanes, budget=budget)]
    lanes += [
        Lane(workload, wall=True, learner=lanes[0].learner, lanes=options.lanes, budget=budget)
        for _ in range(options.lanes - 1)
    ]
    told = Told()
    now_us = batches(lanes, options.users, told)
    now_us = idle(lanes, now_us, told)
    busy(lanes, options.users, now_us, told)
    with tempfile.TemporaryDirectory(dir=folder) as state:
        restored(lanes, Path(state), told, options.users)
    print(json.dumps(told.figures))


if __name__ == "__main__":
    main()
