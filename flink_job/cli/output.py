"""What a command gives, on stdout or in a file, and nothing else there."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flink_job.runtime.atomic import whole_file
from operators.base.errors import FlockwiseError, UsageError
from operators.contracts.records import encode


def json_line(record: Any) -> str:
    """A record as JSON, for programs."""
    return encode(record).decode()


def write_lines(lines: Iterable[str], to: Path | None = None, option: str = "--to") -> None:
    """Write lines to stdout, or to the file of an option, which is there when it is complete.

    Raises:
        UsageError: the file can't be written.
        FlockwiseError: stdout can't be written.
    """
    if to is None:
        _write_out(lines)
        return
    try:
        with whole_file(to) as file:
            file.writelines(f"{line}\n".encode() for line in lines)
    except OSError as error:
        raise UsageError(f"{option}: {to} can't be written: {error.strerror}") from error


def _write_out(lines: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.EPIPE:  # whoever read it has had enough
            raise
        raise FlockwiseError(f"the output can't be written: {error.strerror}") from error
