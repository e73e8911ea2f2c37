"""The order of the files of tests: pytest-xdist gives them out in it, the longest first."""

from __future__ import annotations

from typing import Final

import pytest

# As measured; all that comes after them is short, and fills what they leave of the workers.
LONGEST: Final = tuple(
    f"{folder}/test_{name}.py"
    for folder, name in (
        ("stack", "cluster"),
        ("stack", "readme"),
        ("stack", "ending"),
        ("stack", "as_it_comes"),
        ("flink", "crash"),
        ("stack", "live"),
        ("stack", "forgetting"),
        ("stack", "leases"),
        ("stack", "told"),
        ("stack", "preflight"),
        ("flink", "killed"),
        ("stack", "lifecycle"),
        ("stack", "cassandra_store"),
        ("stack", "operating"),
        ("stack", "races"),
        ("stack", "steering"),
        ("flink", "replay"),
        ("stack", "guardian"),
        ("stack", "as_it_comes"),
        ("stack", "bad_input"),
        ("stack", "real_data"),
        ("stack", "cassandra_tls"),
        ("stack", "models"),
        ("stack", "accounts"),
        ("stack", "load"),
        ("stack", "stores"),
        ("flink", "forgetting"),
        ("stack", "upgrade"),
    )
)
_FOLDERS: Final = ("faults", "stack", "flink", "property", "unit")


def place(item: pytest.Item) -> tuple[int, int]:
    """Where the file of a test comes; files of the same place stay as they are."""
    folder, name = item.path.parent.name, item.path.name
    own = f"{folder}/{name}"
    longest = LONGEST.index(own) if own in LONGEST else len(LONGEST)
    return longest, _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
