"""What processes take of the machine, as Linux tells it: CPU and memory of whole families."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
# Where fields stand in /proc/PID/stat behind the name, which may hold blanks (man 5 proc).
_PARENT, _CPU, _RESIDENT = 1, slice(11, 15), 21


@dataclass(frozen=True)
class _Process:
    parent: int
    cpu_s: float  # its own, and that of its children that are gone
    resident: int  # bytes


def family_cpu_s(pid: int) -> float:
    """Seconds of CPU that a process and all that descends from it have taken so far."""
    return sum(each.cpu_s for each in _family(pid))


def family_bytes(pid: int) -> int:
    """Bytes that a process and all that descends from it hold; those they share count twice."""
    return sum(each.resident for each in _family(pid))


def marked(mark: str) -> Iterator[int]:
    """The processes that have NAME=VALUE in their environment, whoever their parents are."""
    wanted = mark.encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)


def _family(pid: int) -> Iterator[_Process]:
    known = dict(_processes())
    children = defaultdict[int, list[int]](list)
    for child, process in known.items():
        children[process.parent].append(child)
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        if one in known:
            yield known[one]
        waiting += children[one]


def _processes() -> Iterator[tuple[int, _Process]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            cpu_s = sum(map(int, fields[_CPU])) / _TICKS_A_SECOND
            process = _Process(int(fields[_PARENT]), cpu_s, int(fields[_RESIDENT]) * _PAGE)
            yield int(stat.parent.name), process
