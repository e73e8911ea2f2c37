"""Secrets: in a configuration only as ${NAME}, and read from the environment where used."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from operators.base.errors import UsageError

# A reference is all that a configuration holds of a secret, so there is nothing to mask.
Reference = Annotated[str, msgspec.Meta(pattern=r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$")]

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAMES: Final = ("password", "secret", "jaas", "token", "credential", "passphrase")


def resolve(text: str, where: str, environ: Mapping[str, str] = os.environ) -> str:
    """A text with every ${NAME} in it replaced by what the environment holds.

    Raises:
        UsageError: a variable is not set; `where` is the path of the text. No value is told.
    """

    def value(reference: re.Match[str]) -> str:
        if not environ.get(reference[1]):
            raise UsageError(f"{where}: expected the environment variable {reference[1]} to be set")
        return environ[reference[1]]

    return _REFERENCE.sub(value, text)


def references(text: str) -> list[str]:
    """The names of the variables that a text refers to."""
    return _REFERENCE.findall(text)


def is_secret(name: str) -> bool:
    """Whether a property of this name holds a secret."""
    return any(part in name.lower() for part in _SECRET_NAMES)


def is_literal(text: str) -> bool:
    """Whether a text holds no reference at all."""
    return _REFERENCE.search(text) is None
