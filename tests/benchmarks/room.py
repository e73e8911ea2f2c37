"""A room: where parts that share servers and data are measured, in a process of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from flink_job import stack
from flink_job.stack import CassandraAccess
from operators.base.errors import FlockwiseError

MARK: Final = "FLOCKWISE_BENCH"  # in the environment of all that a room starts

console = Console(stderr=True)


class Figure(msgspec.Struct, frozen=True):
    """What a part came to: one number, or why there is none, and what stands beside it."""

    key: str
    value: float | None
    why: str = ""
    beside: dict[str, float] = {}


class Asked(msgspec.Struct, frozen=True):
    """What a room is asked for, where it works, and where it writes figures, a line each.

    What is measured in turns is so `repeats` times, if that is not 0.
    """

    room: str
    keys: list[str]
    quick: bool
    repeats: int
    folder: str
    figures: str


class BadAnswerError(Exception):
    """What was measured has not done what it should have, so its speed means nothing."""


@dataclass(frozen=True)
class Room:
    """What measures in a room has."""

    asked: Asked
    began_s: float = field(default_factory=time.monotonic)

    @property
    def quick(self) -> bool:
        """Whether all is small, to see that it works."""
        return self.asked.quick

    def repeats(self, usual: int) -> int:
        """How many turns are counted."""
        return self.asked.repeats or usual

    @property
    def folder(self) -> Path:
        """A folder for this room alone; it goes when the room is done."""
        return Path(self.asked.folder) / self.asked.room

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return str(stack.find(self._servers).bootstrap)

    def keyspace(self, name: str) -> CassandraAccess:
        """A keyspace of its own, and how to reach it."""
        stack.keyspace(self._servers, name)
        access = stack.find(self._servers).cassandra
        assert access is not None
        return replace(access, keyspace=name)

    @property
    def _servers(self) -> Path:
        return Path(self.asked.folder) / "servers"

    def wants(self, *keys: str) -> bool:
        """Whether any of these parts is asked for."""
        return not set(keys).isdisjoint(self.asked.keys)

    def say(self, line: str) -> None:
        """Show what is being done."""
        seconds = time.monotonic() - self.began_s
        console.print(f"  {seconds:4.0f} s  {line}", highlight=False, markup=False, soft_wrap=True)

    def tell(self, key: str, value: float, **beside: float) -> None:
        """A part has come to a number."""
        if self.wants(key):
            self._write(Figure(key, value, beside=beside))

    def tell_none(self, keys: Sequence[str], why: str) -> None:
        """Parts have come to nothing."""
        for key in keys:
            if self.wants(key):
                self._write(Figure(key, None, why=why))

    def trying(self, keys: Sequence[str], measure: Callable[[], None]) -> None:
        """Measure, if any of these parts is asked for; a failure is a line, and no more."""
        if not self.wants(*keys):
            return
        try:
            measure()
        except (Exception, SystemExit) as error:
            self.tell_none(keys, in_a_line(error))

    def _write(self, figure: Figure) -> None:
        shown = figure.why if figure.value is None else f"{figure.value:,.3g}"
        self.say(f"{figure.key}: {shown}")
        with Path(self.asked.figures).open("ab") as file:
            file.write(msgspec.json.encode(figure) + b"\n")


def figures_in(path: Path) -> dict[str, Figure]:
    """The figures that a room has written, by key; the first of a key counts."""
    found: dict[str, Figure] = {}
    with suppress(FileNotFoundError):
        for figure in msgspec.json.Decoder(Figure).decode_lines(path.read_bytes()):
            found.setdefault(figure.key, figure)
    return found


def in_a_line(error: BaseException) -> str:
    """What an error says; of one that nobody expected also what it is."""
    known = isinstance(error, FlockwiseError | BadAnswerError | SystemExit)
    said = (str(error).strip().splitlines() or [""])[0]
    return said if known and said else f"{type(error).__name__}: {said}"
