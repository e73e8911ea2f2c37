"""The order of the files of tests: pytest-xdist gives them out in it, the longest first."""

from __future__ import annotations

from typing import Final

import pytest

# Of these each takes a worker longer than all that comes after them; the longest comes first.
LONGEST: Final = (
    "stack/test_readme.py",
    "stack/test_cluster.py",
    "stack/test_bad_input.py",
)
_FOLDERS: Final = ("faults", "stack", "flink", "property", "unit")


def place(item: pytest.Item) -> tuple[int, int]:
    """Where the file of a test comes; files of the same place stay as they are."""
    folder, name = item.path.parent.name, item.path.name
    own = f"{folder}/{name}"
    longest = LONGEST.index(own) if own in LONGEST else len(LONGEST)
    return longest, _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
