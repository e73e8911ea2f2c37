"""Rows of tables under a budget of memory: those that were not used longest lie on disk alone.

A table's rows are an array over a file of the disk (`mmap`). A block of it that is let go of takes
no memory, and is there again when it is read: the kernel sees to that, so that nothing that reads
or writes rows has to ask first. Files have no names, are gone with the process, and are no state:
like the memory that they stand for they are a cache of it.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final
from weakref import WeakSet

import numpy as np

from operators.base.arrays import Ints, Rows
from operators.base.errors import FlockwiseError
from operators.base.runs import begins, ends
from operators.pages.layout import Words

BLOCK: Final = max(64 * 1024, mmap.PAGESIZE)  # bytes: so much the kernel maps around what is read
_KEPT: Final = 0.9  # of the budget, when blocks are let go of: many at once, and not each time
_NEVER_USED: Final = 0
_ON_DISK: Final = -1
_IN_MEMORY: Final = ("tmpfs", "ramfs")
_MORE: Final = 5 / 4  # as large gets a file that is full: nothing is copied


class Budget:
    """The bytes of memory that tables of a process may hold together.

    Whichever operator and lane they belong to, blocks of rows that were not used longest go first.
    What is beside the rows counts, but stays. A batch has in memory whatever it touches.
    """

    def __init__(self, most_bytes: int, folder: Path) -> None:
        self.most_bytes = most_bytes
        self.folder = folder
        self._files = WeakSet[RowFile]()
        self.lock = Lock()  # operators have threads of their own
        self._batch = 0
        self._held = 0  # bytes, those of tables that are gone among them until they are counted

    def file(self) -> RowFile:
        """A file for the rows of another table."""
        made = RowFile(self)
        with self.lock:
            self._files.add(made)
        return made

    def use(self, file: RowFile, blocks: Ints, beside: int) -> None:
        """These blocks of a table, each once, are used next; so many bytes are beside its rows."""
        with self.lock:
            self._batch += 1
            before = file.held_bytes
            file.use(blocks, beside, self._batch)
            self._held += file.held_bytes - before
            if self._held > self.most_bytes:
                self._let_go()

    def _let_go(self) -> None:
        """Let go of as many blocks as it takes, of those that are not in use now."""
        files = list(self._files)
        self._held = sum(file.held_bytes for file in files)
        if self._held <= self.most_bytes:
            return  # some tables were gone
        surplus = -(-(self._held - int(self.most_bytes * _KEPT)) // BLOCK)
        used = np.concatenate([file.used for file in files])
        there = np.flatnonzero((used > _NEVER_USED) & (used < self._batch))
        if surplus < len(there):
            there = np.sort(there[np.argpartition(used[there], surplus)[:surplus]])
        starts = np.cumsum([0, *(len(file.used) for file in files)])
        cuts = np.searchsorted(there, starts)
        for file, start, first, last in zip(files, starts, cuts, cuts[1:], strict=False):
            file.let_go(there[first:last] - start)
        self._held -= len(there) * BLOCK


class RowFile:
    """The rows of a table, in a file that has no name.

    `used` is int64[blocks]: the batch that used each last, 0 if none has, -1 if it is on disk.
    """

    def __init__(self, budget: Budget) -> None:
        self.used: Ints = np.zeros(0, np.int64)
        self.dropped = self.loaded = 0  # blocks
        self._budget = budget
        self._file = tempfile.TemporaryFile(dir=budget.folder, buffering=0)  # noqa: SIM115
        self._map: mmap.mmap | None = None
        self._there = self._beside = 0

    @property
    def held_bytes(self) -> int:
        """The bytes of memory that count."""
        return self._there * BLOCK + self._beside

    @staticmethod
    def capacity(rows: int) -> int:
        """For how many rows there is room in a file that is to have so many."""
        return int(rows * _MORE) + 1

    def words(self, count: int) -> Words:
        """The first words of the file, int64[count]: what was in it, and zeros.

        Raises:
            FlockwiseError: there is no room on the disk.
        """
        blocks = -(-count * 8 // BLOCK)
        try:
            os.posix_fallocate(self._file.fileno(), 0, blocks * BLOCK)
        except OSError as error:
            mib = blocks * BLOCK // 1024**2
            where = f"rows of users (run.memory) need {mib:,} MiB in {self._budget.folder}"
            raise FlockwiseError(f"{where}: {error.strerror}") from None
        mapped = mmap.mmap(self._file.fileno(), blocks * BLOCK)
        with self._budget.lock:
            self._map = mapped
            self.used = np.append(self.used, np.zeros(blocks - len(self.used), np.int64))
        return np.frombuffer(mapped, np.int64, count)

    def touch(self, rows: Rows, row_bytes: int, beside: int) -> None:
        """These rows are used next."""
        first, last = rows * row_bytes // BLOCK, ((rows + 1) * row_bytes - 1) // BLOCK
        most = int((last - first).max(initial=0))
        blocks = np.minimum(first[:, None] + np.arange(most + 1), last[:, None])
        self._budget.use(self, np.unique(blocks), beside)

    def pass_by(self, first: int, last: int, row_bytes: int) -> None:
        """Rows were read that are not in use: let go of them."""
        start, end = first * row_bytes // BLOCK, last * row_bytes // BLOCK + 1
        with self._budget.lock:
            self._advise(start + np.flatnonzero(self.used[start:end] <= _NEVER_USED))

    def use(self, blocks: Ints, beside: int, batch: int) -> None:
        """As `Budget.use`, which see, in the batch of this number."""
        before = self.used[blocks]
        self.used[blocks] = batch
        self._there += np.count_nonzero(before <= _NEVER_USED)
        self.loaded += np.count_nonzero(before == _ON_DISK)
        self._beside = beside

    def let_go(self, blocks: Ints) -> None:
        """Have blocks, each once, ascending, on disk alone."""
        self.used[blocks] = _ON_DISK
        self._there -= len(blocks)
        self.dropped += len(blocks)
        self._advise(blocks)

    def _advise(self, blocks: Ints) -> None:
        """Have the kernel let go of blocks, each once, ascending; it brings back what is read."""
        if self._map is None:
            return  # it is just being made
        runs = blocks - np.arange(len(blocks))
        firsts, lasts = blocks[begins(runs)].tolist(), blocks[ends(runs)].tolist()
        for first, last in zip(firsts, lasts, strict=True):
            self._map.madvise(mmap.MADV_DONTNEED, first * BLOCK, (last + 1 - first) * BLOCK)


@cache
def shared_budget(most_bytes: int) -> Budget:
    """The budget of all operators of this process that are to have so many bytes.

    Raises:
        FlockwiseError: there is no folder on a disk for temporary files.
    """
    return Budget(most_bytes, disk_folder())


def disk_folder() -> Path:
    """The folder for temporary files, or another one if that is not on a disk.

    Raises:
        FlockwiseError: neither is.
    """
    folders = [Path(tempfile.gettempdir()), Path("/var/tmp")]
    for folder in folders:
        if folder.is_dir() and _file_system(folder) not in _IN_MEMORY:
            return folder
    named = " nor ".join(map(str, folders))
    raise FlockwiseError(f"run.memory needs a disk, and neither {named} is on one: set TMPDIR")


def _file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, as Linux names it."""
    path, kinds = folder.resolve(), dict[Path, str]()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        kinds[Path(mount.split()[4])] = source.split()[0]
    return next(kinds[each] for each in (path, *path.parents) if each in kinds)
