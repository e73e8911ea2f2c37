"""Which files are meant: files, folders and patterns such as `exports/*.csv.gz`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Final

from flink_job.staging.formats import FORMATS, name_says
from operators.base.errors import UsageError

_PATTERN: Final = re.compile(r"[*?\[]")
_HIDDEN: Final = (".", "_")  # what tools put beside their files: .DS_Store, _SUCCESS


def expanded(paths: Sequence[str]) -> list[Path]:
    """The files of paths, in the order of the paths; those of a folder or pattern by name.

    Of a folder these are the files, however deep, whose names say what format they have.

    Raises:
        UsageError: there is none for one of the paths.
    """
    return [file for path in paths for file in _files(path)]


def passed_over(paths: Sequence[str]) -> list[Path]:
    """The files in folders that are not read, since their names do not say what they are."""
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    return [file for folder in folders for file in _below(folder) if name_says(file.name) is None]


def _files(path: str) -> list[Path]:
    place = Path(path)
    if place.is_dir():
        found = [file for file in _below(place) if name_says(file.name) is not None]
        if not found:
            raise UsageError(f"{path}: there is no file in this folder that ends in {FORMATS}")
        return found
    if not place.exists() and _PATTERN.search(path):
        found = [Path(each) for each in sorted(glob(path, recursive=True))]  # noqa: PTH207 - absolute
        found = [file for file in found if file.is_file()]
        if not found:
            raise UsageError(f"{path}: there is no such file: nothing is matched by the pattern")
        return found
    if not place.is_file():
        raise UsageError(f"{path}: there is no such file")
    return [place]


def _below(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith(_HIDDEN) for part in parts):
            yield file
