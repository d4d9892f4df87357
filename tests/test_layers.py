"""Who may import whom: each layer only those below it, so that data flows one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import shortgenius_exporter

PACKAGE = "shortgenius_exporter"
ROOT = Path(shortgenius_exporter.__file__).parent
# From the top down. ``logs`` may be imported by all; ``simulator`` stands aside.
LAYERS = [
    "__main__",
    "cli",
    "commands",
    "demo",
    "health",
    "completion",
    "usage",
    "terminal",
    "app",
    "web",
    "metrics",
    "polling",
    "state",
    "api",
    "config",
    "words",
    "core",
]
HOMES = {  # the libraries, and which layers may know of them
    "bcrypt": {"web"},
    "h11": {"web"},
    "jinja2": {"web"},
    "markupsafe": {"web"},
    "prometheus_client": {"metrics", "web"},
    "requests": {"api"},
    "shtab": {"completion"},
    "urllib3": {"api"},
    "yaml": {"config"},
}
SIMULATOR_USERS = {"demo", "simulator"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([PACKAGE, *(part for part in parts if part != "__init__")])


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def layer(module: str) -> str:
    """The first name below the package: ``polling`` for ``shortgenius_exporter.polling.keys``."""
    return module.split(".")[1] if "." in module else ""


def imported_names(module: str) -> Iterator[str]:
    """Every module that ``module`` imports, wherever in its text, ours as exactly as can be told."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


IMPORTS = {module: set(imported_names(module)) for module in MODULES}
OURS = {module: {name for name in names if name in MODULES} for module, names in IMPORTS.items()}


def may_import(importer: str, imported: str) -> bool:
    above, below = layer(importer), layer(imported)
    if above == below or below in {"", "logs"}:
        return True
    if below == "simulator":
        return above in SIMULATOR_USERS
    if above in {"simulator", "logs", ""}:
        return above == "simulator" and below == "core"
    return LAYERS.index(above) < LAYERS.index(below)


def test_the_walk_sees_the_whole_package() -> None:
    assert {layer(module) for module in MODULES} - {""} == {*LAYERS, "logs", "simulator"}
    assert f"{PACKAGE}.core.ledger" in OURS[f"{PACKAGE}.core.snapshot"]
    assert f"{PACKAGE}.simulator.server" in OURS[f"{PACKAGE}.demo"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_layers_below(module: str) -> None:
    assert {imported for imported in OURS[module] if not may_import(module, imported)} == set()


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("app", "polling", True),
        ("polling", "api", True),
        ("polling", "logs", True),
        ("polling", "metrics", False),
        ("core", "config", False),
        ("core", "core", True),
        ("app", "simulator", False),
        ("commands", "simulator", False),
        ("demo", "simulator", True),
        ("simulator", "core", True),
        ("simulator", "api", False),
        ("logs", "core", False),
    ],
)
def test_the_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(f"{PACKAGE}.{importer}.x", f"{PACKAGE}.{imported}.y") is allowed


def test_the_core_imports_nothing_but_itself_and_the_standard_library() -> None:
    for module in (module for module in MODULES if layer(module) == "core"):
        foreign = {name.split(".")[0] for name in IMPORTS[module]} - {PACKAGE}
        assert foreign <= sys.stdlib_module_names


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(OURS).prepare()


def test_each_library_is_imported_where_it_is_at_home_alone() -> None:
    users: dict[str, set[str]] = {library: set() for library in HOMES}
    for module, names in IMPORTS.items():
        for library in {name.split(".")[0] for name in names} & HOMES.keys():
            users[library].add(layer(module))
    assert users == HOMES


@pytest.mark.parametrize("module", [module for module, path in MODULES.items() if path.name != "__init__.py"])
def test_no_file_is_longer_than_300_lines(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= 300
