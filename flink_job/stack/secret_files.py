"""Passwords and login files that only their owner may read."""

from __future__ import annotations

import secrets
from pathlib import Path

from flink_job.runtime.atomic import write_whole

_OWNER_ONLY = 0o600
_PASSWORD_BYTES = 24


def kept_password(path: Path) -> str:
    """The password of a file, generated when there is none."""
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(_PASSWORD_BYTES) + "\n")
    return path.read_text().strip()


def write_secret(path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all; it is never readable by others."""
    write_whole(path, text.encode(), mode=_OWNER_ONLY)
