"""The structure of the code: which room may import which, and that a name has one meaning."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("flink_job", "operators")
SHELLS: Final = {
    f"operators.{name}"
    for name in (
        *("profile", "learn", "assign", "steer", "measure", "upsert"),
        *("final_profile", "learn_final"),
    )
}

Imports = Mapping[str, set[str]]  # by module: those that it imports


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    """The modules as they stand: read by whoever tests, not by all who look for tests."""
    return {
        module_of(path): ast.parse(path.read_text())
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports, wherever in it: at its head, in functions, for types alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in trees() else node.module for name in inner)


@cache
def imports() -> Imports:
    """What every module imports."""
    return {module: set(imported(tree)) for module, tree in trees().items()}


def room_of(module: str) -> str:
    """A folder directly below a package, or a module that lies in none."""
    return ".".join(module.split(".")[:2])


def own(those: Imports) -> dict[str, set[str]]:
    """Only what is imported of our own packages."""
    return {
        module: {name for name in names if name.split(".")[0] in PACKAGES} - {module}
        for module, names in those.items()
    }


def circle(those: Imports) -> list[str]:
    """Modules or rooms that import each other in a circle; none if there is none."""
    try:
        TopologicalSorter(those).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def by_room(those: Imports) -> dict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for module, names in own(those).items():
        found[room_of(module)] |= {room_of(name) for name in names} - {room_of(module)}
    return found


def meanings() -> dict[str, list[str]]:
    """The modules in which each public class or type is defined."""
    found = defaultdict[str, list[str]](list)
    for module, tree in trees().items():
        for node in tree.body:
            for name in defined(node):
                if not name.startswith("_") and not name.isupper():
                    found[name].append(module)
    return found


def defined(node: ast.stmt) -> Iterator[str]:
    """The class, or the type by another name, that a statement defines."""
    if isinstance(node, ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (
            target.id
            for target in targets
            if isinstance(target, ast.Name) and target.id[0].isupper()
        )


def test_operators_know_nothing_of_the_application() -> None:
    upward = [
        (module, name)
        for module, names in imports().items()
        for name in names
        if module.startswith("operators") and name.startswith("flink_job")
    ]
    assert upward == []


def test_pure_logic_knows_nothing_of_flink() -> None:
    with_flink = {
        module
        for module, names in imports().items()
        if module.startswith("operators.") and any(name.startswith("pyflink") for name in names)
    }
    in_its_room = {module for module in with_flink if room_of(module) == "operators.flink"}
    assert with_flink - in_its_room <= SHELLS


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(own(imports())) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(by_room(imports())) == []


def test_a_public_name_of_a_class_has_one_meaning() -> None:
    assert {name: modules for name, modules in meanings().items() if len(modules) > 1} == {}


def test_a_circle_would_be_seen() -> None:
    below, above = "operators.base.errors", "operators.rules.parse"
    upward = {**imports(), below: imports()[below] | {above}}
    assert circle(own(upward))
    assert circle(by_room(upward))
