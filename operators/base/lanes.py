"""Lanes: the users in as many parts as the state can ever be spread over."""

from __future__ import annotations

from collections.abc import Callable


def lane_keys(lanes: int, key_groups: int, key_group_of: Callable[[int], int]) -> tuple[int, ...]:
    """A Flink key for each lane, such that Flink spreads the lanes evenly.

    Flink hashes a key to one of `key_groups` groups, and gives each subtask a range of them.
    Numbers 0, 1, 2... fall unevenly; these are chosen so that lane i lies in the middle of
    the i-th of `lanes` equal ranges.

    Args:
        lanes: how many lanes there are, at most `key_groups`.
        key_groups: Flink's maximum parallelism.
        key_group_of: the group that Flink hashes a key to.
    """
    wanted = [(2 * lane + 1) * key_groups // (2 * lanes) for lane in range(lanes)]
    found: dict[int, int] = {}
    key = 0
    while len(found) < lanes:
        group = key_group_of(key)
        if group in wanted:
            found.setdefault(group, key)
        key += 1
    return tuple(found[group] for group in wanted)
