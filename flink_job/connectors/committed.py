"""The committed files of an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HIDDEN: Final = (".", "_")  # what Flink is still writing


def committed_files(folder: Path) -> list[Path]:
    """The files of a topic's folder that Flink has committed, by name; they do not change."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(_HIDDEN)
    ]
