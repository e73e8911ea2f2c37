"""Fewer, larger requests: in Python a request costs more than the rows in it.

The batches are unlogged: they save requests and promise nothing. A batch that was applied in
part is written again as a whole, as everything else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Final

from cassandra.query import BatchStatement, BatchType, PreparedStatement

Bound = tuple[PreparedStatement | BatchStatement, tuple[Any, ...]]

# Cassandra warns from 5 KiB a batch on and refuses 50 KiB; texts may be 4 bytes a character.
_MOST_CHARACTERS: Final = 4_000
# It also warns of batches over more partitions than 10, which one node has to pass on.
_MOST_PARTITIONS: Final = 10
_MOST_KEYS: Final = 25


def over_partitions(bound: Iterable[Bound]) -> Iterator[Bound]:
    """Writes to different partitions, a few to a request."""
    return _batches(bound, _MOST_PARTITIONS)


def by_partition(writes: Iterable[tuple[Hashable, Bound]]) -> Iterator[Bound]:
    """Writes with their partitions, all to the same one together as far as a batch may hold."""
    together: dict[Hashable, list[Bound]] = {}
    for partition, bound in writes:
        together.setdefault(partition, []).append(bound)
    for same in together.values():
        yield from _batches(same, len(same))


def keys_of_a_read(keys: Sequence[str]) -> Iterator[list[str]]:
    """Keys, as many at a time as one read may name."""
    for start in range(0, len(keys), _MOST_KEYS):
        yield list(keys[start : start + _MOST_KEYS])


def _batches(bound: Iterable[Bound], most: int) -> Iterator[Bound]:
    held: list[Bound] = []
    characters = 0
    for one in bound:
        size = _characters(one)
        if held and (len(held) == most or characters + size > _MOST_CHARACTERS):
            yield _batch(held)
            held, characters = [], 0
        held.append(one)
        characters += size
    if held:
        yield _batch(held)


def _batch(held: list[Bound]) -> Bound:
    """One statement stays what it is: the limits are those of batches."""
    if len(held) == 1:
        return held[0]
    batch = BatchStatement(BatchType.UNLOGGED)
    batch.is_idempotent = True
    for statement, values in held:
        batch.add(statement, values)
    return batch, ()


def _characters(bound: Bound) -> int:
    _statement, values = bound
    return sum(len(value) if isinstance(value, str) else 8 for value in values)
