"""What tests share stands in modules of helpers: nobody imports from a test or its fixtures."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.order import LONGEST

TESTS = Path(__file__).parents[1]


def test_the_longest_are_there() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []


def imported(path: Path) -> Iterator[str]:
    """The dotted names of all that a module imports."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def lends_not(module: str) -> bool:
    return module.startswith("test_") or module == "conftest"


def test_nothing_imports_from_a_test_or_from_fixtures() -> None:
    lent = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name in imported(path)
        if any(lends_not(part) for part in name.split("."))
    ]
    assert not lent, "\n".join(lent)
