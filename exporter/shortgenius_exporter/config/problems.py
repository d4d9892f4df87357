"""Everything that is wrong with a configuration, and where."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import NoReturn


class RefusedError(ValueError):
    """One value is not acceptable; the message says why and what to do, and never repeats a secret."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    ``file``: the configuration file, or ``environment``. ``line``, ``column``: from 1; ``None`` where no text
    can be pointed at. ``path``: the setting, as ``accounts[1].poll_interval`` (accounts count from 0), or the
    environment variable; empty for the whole.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used: ``problems`` is all that is wrong, ``str()`` one line for each."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Report:
    """Collects the problems of one source, each once, in the order of their places."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._problems: dict[tuple[int | None, int | None, str], Problem] = {}

    @property
    def clean(self) -> bool:
        return not self._problems

    def add(self, message: str, *, path: str = "", line: int | None = None, column: int | None = None) -> None:
        """What an alias repeats is one problem: it stands at one place in the file."""
        key = (line, column, message if line else f"{path}: {message}")
        self._problems.setdefault(key, Problem(self._file, line, column, path, message))

    def fail(self, message: str, *, line: int | None = None, column: int | None = None) -> NoReturn:
        """Add a problem after which nothing more can be learned."""
        self.add(message, line=line, column=column)
        raise self.error()

    def error(self) -> ConfigError:
        by_place = sorted(self._problems.values(), key=lambda problem: (problem.line or 0, problem.column or 0))
        return ConfigError(tuple(by_place))


def file_problem(error: OSError) -> str:
    """What went wrong with a file, to follow its name, without repeating it."""
    known = {
        errno.ENOENT: "does not exist: create it, or correct the path",
        errno.EACCES: f"may not be read by user {os.geteuid()}: change its owner or mode",
        errno.EISDIR: "is a directory: name a file",
    }
    return known.get(error.errno or 0, f"cannot be read: {os.strerror(error.errno or 0)}")
