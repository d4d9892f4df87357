"""What can be wrong with a state file, by what follows from it."""

from __future__ import annotations


class StateFileError(Exception):
    """The operator has to change something: there is no point in starting."""


class StateTroubleError(Exception):
    """The disk refuses now and may not later: the exporter goes on without it."""


class UnusableError(Exception):
    """What the file holds cannot be used; ``kind`` says in a word what it is, the text in many."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
