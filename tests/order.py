"""The order of the files of tests: pytest-xdist gives them out in it, the longest first."""

from __future__ import annotations

from typing import Final

import pytest

# As measured; all that comes after them is short, and fills what they leave of the workers.
LONGEST: Final = tuple(
    f"{folder}/test_{name}.py"
    for folder, name in (
        ("stack", "cluster"),
        ("stack", "ending"),
        ("stack", "as_it_comes"),
        ("flink", "replay"),
        ("stack", "readme"),
        ("stack", "bad_input"),
        ("flink", "crash"),
        ("stack", "leases"),
        ("stack", "forgetting"),
        ("stack", "operating"),
        ("stack", "looks"),
        ("flink", "final_models"),
        ("stack", "lifecycle"),
        ("stack", "cassandra_store"),
        ("stack", "verify"),
        ("flink", "killed"),
        ("stack", "steering"),
        ("stack", "live"),
        ("stack", "guardian"),
        ("stack", "roster"),
        ("stack", "models"),
        ("stack", "deadletters"),
        ("stack", "ask"),
        ("flink", "preview"),
        ("stack", "upgrade"),
        ("stack", "load"),
        ("stack", "stores"),
        ("flink", "graph"),
        ("flink", "forgetting"),
        ("flink", "clusters"),
        ("stack", "cassandra_tls"),
        ("stack", "preflight"),
        ("stack", "accounts"),
    )
)
_FOLDERS: Final = ("faults", "stack", "flink", "property", "unit")


def place(item: pytest.Item) -> tuple[int, int]:
    """Where the file of a test comes; files of the same place stay as they are."""
    folder, name = item.path.parent.name, item.path.name
    own = f"{folder}/{name}"
    longest = LONGEST.index(own) if own in LONGEST else len(LONGEST)
    return longest, _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
