"""Which environment variables a configuration asks for, and which of them are not set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from flink_job.config.model import Config
from flink_job.config.secrets import references

# Only there is a reference resolved; elsewhere ${NAME} is a text like any other.
_RESOLVED: Final = re.compile(
    r"(source|output)\.kafka\.(bootstrap|security\.(user|password)|properties\..+)"
    r"|store\.(hosts|port|user|password)"
)


def unset(config: Config, environ: Mapping[str, str] = os.environ) -> dict[str, list[str]]:
    """The variables that are referred to and not set, or empty, each with the paths of where."""
    found: dict[str, list[str]] = {}
    for path, text in _texts(msgspec.to_builtins((config.source, config.output, config.store))):
        for name in references(text) if _RESOLVED.fullmatch(path) else ():
            if not environ.get(name):
                found.setdefault(name, []).append(path)
    return {name: list(dict.fromkeys(paths)) for name, paths in found.items()}


def _texts(parts: Any) -> Iterator[tuple[str, str]]:
    for name, part in zip(("source", "output", "store"), parts, strict=True):
        yield from _within(name, part)


def _within(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts, with their paths; those of a list share that of the list."""
    match value:
        case str():
            yield path, value
        case list():
            for each in value:
                yield from _within(path, each)
        case dict():
            for name, each in value.items():
                yield from _within(f"{path}.{name}", each)
