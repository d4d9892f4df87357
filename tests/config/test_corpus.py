"""One file per error, with every message it must give, in full: see the ``# expect:`` lines of ``errors/*.yml``."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

import shortgenius_exporter.config as package
from shortgenius_exporter.config import ConfigError, load

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = Path(__file__).parent / "errors"
FILES = sorted(ERRORS.glob("*.yml"))
SYNTAX = sorted(ERRORS.glob("syntax_*.yml"))  # each parser has its own words for these
ENVIRON = {"STUDIO_KEY": "sk-secret-0007", "EMPTY_KEY": "", "SPACED_KEY": "sk-secret 0001"}
MARK = "# expect: "


def expected(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]


def problems(path: Path, loader: object) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(path, ENVIRON, loader)
    return str(raised.value).split("\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_bad_file_gives_exactly_its_messages(path: Path) -> None:
    assert problems(path, yaml.CSafeLoader) == [f"{path}:{message}" for message in expected(path)]


@pytest.mark.parametrize("path", [path for path in FILES if path not in SYNTAX], ids=lambda path: path.stem)
def test_the_pure_parser_finds_the_same_problems(path: Path) -> None:
    """Each parser has its own column for a value that is not there."""
    found = [line.removeprefix(f"{path}:") for line in problems(path, yaml.SafeLoader)]
    assert [without_column(line) for line in found] == [without_column(line) for line in expected(path)]


def without_column(line: str) -> str:
    number, _, rest = line.split(":", 2)
    return f"{number}:{rest}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
def test_no_message_holds_a_key_or_a_password(path: Path, loader: object) -> None:
    said = "\n".join(line.removeprefix(str(path)) for line in problems(path, loader))
    assert "secret" not in said


def test_every_message_in_the_code_is_shown_by_a_test() -> None:
    shown = "\n".join(message for path in FILES for message in expected(path))
    for test in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(test.read_text(encoding="utf-8"))
        shown += "\n".join(str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))
    source = Path(package.__file__).parent
    missing = [words for path in sorted(source.glob("*.py")) for words in messages(path) if words not in shown]
    assert missing == []


def messages(path: Path) -> Iterator[str]:
    """The fixed parts of what is given to whatever reports or raises."""
    reporters = ("RefusedError", "problem", "key_problem", "fail", "_fail", "add", "unusable_file")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in reporters:
                yield from fixed_parts(node)


def fixed_parts(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        for part in argument.values if isinstance(argument, ast.JoinedStr) else [argument]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value.rstrip()
