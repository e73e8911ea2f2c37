"""The commands by name, each imported when it is asked for: a short one need not wait for all."""

from __future__ import annotations

import gc
from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

# In the order of --help: where a command is, and its function or `app` there.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("flink_job.cli.demo", "demo"),
    "validate": ("flink_job.cli.run", "validate"),
    "features": ("flink_job.cli.features", "features"),
    "inspect": ("flink_job.cli.inspect", "inspect"),
    "run": ("flink_job.cli.run", "run"),
    "upsert": ("flink_job.cli.run", "upsert"),
    "submit": ("flink_job.cli.submit", "submit"),
    "status": ("flink_job.cli.operate", "status"),
    "stop": ("flink_job.cli.operate", "stop"),
    "load": ("flink_job.cli.load", "load"),
    "lookup": ("flink_job.cli.ask", "lookup"),
    "members": ("flink_job.cli.ask", "members"),
    "export": ("flink_job.cli.ask", "export"),
    "value": ("flink_job.cli.value", "value"),
    "verify": ("flink_job.cli.verify", "verify"),
    "deadletters": ("flink_job.cli.deadletters", "deadletters"),
    "stack": ("flink_job.cli.stack", "app"),
    "segments": ("flink_job.cli.segments", "app"),
    "clusters": ("flink_job.cli.clusters", "app"),
}


class Commands(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Imported()


class _Imported(UserDict[str, Any]):
    """The commands by name; one that is not imported yet is None until it is asked for."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COMMANDS))

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = _command(name)
        return super().__getitem__(name)


def _command(name: str) -> Any:
    module, attribute = COMMANDS[name]
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    if not gc.isenabled():  # see main
        gc.freeze()
        gc.enable()
    return command
