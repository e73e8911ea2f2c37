"""What format a file has: by its name, and where that leaves it open, by how it begins."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from flink_job.staging.json_texts import first_value
from operators.base.errors import UsageError

FileFormat = Literal["csv", "tsv", "jsonl", "json", "parquet"]

_ENDINGS: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
COMPRESSED: Final = (".gz", ".zip")
_ARRAY: Final = re.compile(rb"\s*\[\s*\{")  # of objects: nothing that a line of events begins with
FORMATS: Final = f"{', '.join(_ENDINGS)}, with or without {' or '.join(COMPRESSED)}"


def name_says(name: str) -> str | None:
    """What a file's name says: its ending, or `.zip` for one that holds others; or None."""
    plain = name.lower().removesuffix(".gz")
    if plain.endswith(".zip"):
        plain = plain.removesuffix(".zip")
        return next((ending for ending in _ENDINGS if plain.endswith(ending)), ".zip")
    return next((ending for ending in _ENDINGS if plain.endswith(ending)), None)


def check_name(name: str) -> None:
    """Make sure that a name says what format a file has.

    Raises:
        UsageError: it does not.
    """
    if name_says(name) is None:
        raise UsageError(
            f"{name}: expected a name ending in {FORMATS}; or say format: csv, tsv, jsonl, json "
            "or parquet"
        )


def format_of(name: str, head: bytes) -> FileFormat:
    """The format of a file of a name that begins with `head`, in UTF-8.

    JSON is told apart by how it begins, since any of it is called .json, and arrays .jsonl, too.

    Raises:
        UsageError: the name does not say, or the file is something else.
    """
    check_name(name)
    told = _ENDINGS.get(name_says(name) or "")
    if told == "json" or (told == "jsonl" and _ARRAY.match(head)):
        return json_format(head)
    if told in ("csv", "tsv") and _is_object(head.lstrip().split(b"\n", 1)[0]):
        raise UsageError(f"{name}: holds JSON, and not rows of {told}: say format: jsonl")
    if told is None:
        raise UsageError(f"{name}: a zip file in a zip file is not read: unpack it")
    return told


def json_format(head: bytes) -> FileFormat:
    """Whether JSON comes in lines, or in one piece: an array, or values over several lines."""
    text = head.lstrip()
    line, _, rest = text.partition(b"\n")
    if _is_json(line):
        return "json" if line.startswith(b"[") and not rest.strip() else "jsonl"
    first = first_value(text) or b""
    goes_on = len(first) > len(line) or line[len(first) :].strip() == b","
    return "json" if text.startswith(b"[") or (goes_on and _is_json(first)) else "jsonl"


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_object(text: bytes) -> bool:
    return text.startswith(b"{") and _is_json(text)
