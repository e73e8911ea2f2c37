"""Kills parts of a real cluster for some minutes: only where it is asked for."""

from __future__ import annotations

import pytest

from tests.stack.conftest import kafka, stack_folder

__all__ = ["kafka", "stack_folder"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: kills parts of a real cluster; `make faults`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "faults" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("faults"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: `make faults` runs it"))
