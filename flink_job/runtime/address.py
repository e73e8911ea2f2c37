"""Where a running Flink cluster is: an address that was given, or that of FLINK_CONF_DIR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from operators.base.errors import UsageError

_DEFAULT_PORT: Final = "8081"
_HIGHEST_PORT: Final = 65_535


def rest_address(given: str | None, environ: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of a cluster's REST interface.

    Raises:
        UsageError: neither is there, or it names no host and port.
    """
    if given is not None:
        host, _, port = given.rpartition(":")
        return _checked(host, port, f"--address {given}")
    if environ.get("FLINK_CONF_DIR"):
        return _configured(Path(environ["FLINK_CONF_DIR"]) / "config.yaml")
    raise UsageError(
        "where is the cluster? Give --address HOST:PORT of its REST interface, or set "
        "FLINK_CONF_DIR to the folder of its config.yaml"
    )


def _configured(path: Path) -> tuple[str, int]:
    try:
        settings = dict(_flat(yaml.safe_load(path.read_text()), ""))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"FLINK_CONF_DIR: {path} can't be read: {said}") from None
    host = settings.get("rest.address") or settings.get("jobmanager.rpc.address") or ""
    return _checked(host, settings.get("rest.port") or _DEFAULT_PORT, f"rest.address in {path}")


def _flat(settings: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Settings by their dotted names: Flink takes them nested, too."""
    if not isinstance(settings, dict):
        yield prefix, str(settings)
        return
    for name, value in settings.items():
        yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))


def _checked(host: str, port: str, where: str) -> tuple[str, int]:
    if not host or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
        raise UsageError(f"{where}: expected a host and a port, such as 127.0.0.1:8081")
    return host.strip("[]"), int(port)
