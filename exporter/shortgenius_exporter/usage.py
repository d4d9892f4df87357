"""What a mistake on the command line says."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

USAGE_ERROR = 2
_INVALID_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, what was probably meant, and where the help is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {_meant(message)}\nTry: {self.prog} --help\n")

    def refuse_unknown_flags(self, argv: Sequence[str]) -> None:
        """Exits for a flag that no command has: argparse would take its value for the command."""
        known = list(self.flags())
        for word in _before_dashes(argv):
            flag = word.partition("=")[0]
            if word.startswith("--") and flag not in known:
                self.error(f"unknown flag {flag}{_close(flag, known)}")

    def flags(self) -> Iterator[str]:
        """Every flag of this parser and its commands."""
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no public name
                for command in action.choices.values():
                    yield from command.flags()


def _meant(message: str) -> str:
    """The message of an invalid choice with the one that was probably meant, in place of all there are."""
    found = _INVALID_CHOICE.search(message)
    near = _close(found[1], [choice.strip("' ") for choice in found[2].split(",")]) if found else ""
    return message[: message.index(" (choose from")] + near if near else message


def _close(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def _before_dashes(argv: Sequence[str]) -> Sequence[str]:
    return argv[: argv.index("--")] if "--" in argv else argv
