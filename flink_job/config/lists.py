"""Lists of users that a configuration names by their file: `members: vips.csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from operators.base.errors import ConfigError, Problem, UsageError
from operators.rules.checking import MOST_LISTED


def with_lists(data: object, path: Path) -> object:
    """The plain data of a configuration file, with lists in place of the names of their files.

    Raises:
        ConfigError: a file can't be read.
    """
    segments = data.get("segments") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(segments, dict):
        return data
    header = _user_field(data)
    problems: list[Problem] = []
    filled = {}
    for name, segment in segments.items():
        filled[name] = segment
        if isinstance(segment, dict) and isinstance(listed := segment.get("members"), str):
            try:
                filled[name] = {**segment, "members": _users(path.parent / listed, header)}
            except UsageError as error:
                problems.append(Problem(f"segments.{name}.members", str(error)))
    if problems:
        raise ConfigError(str(path), problems)
    return {**data, "segments": filled}


def _user_field(data: Mapping[str, Any]) -> str:
    events = data.get("events")
    found = events.get("user") if isinstance(events, dict) else None
    return found if isinstance(found, str) else "user_id"


def _users(path: Path, header: str) -> list[str]:
    """The first column of a CSV file; a first line that names the field of the user is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # One more than there may be, so that too many are seen as that.
            users = list(islice(_first_cells(csv.reader(file)), MOST_LISTED + 2))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: expected CSV in UTF-8: {error}") from None
    except ValueError as error:  # no name that a file may have
        raise UsageError(f"{str(path)!a} can't be read: {error}") from None
    return users[1:] if users[:1] == [header] else users


def _first_cells(rows: Iterator[list[str]]) -> Iterator[str]:
    return (cell for row in rows if row and (cell := row[0].strip()))
