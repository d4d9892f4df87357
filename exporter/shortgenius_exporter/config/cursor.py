"""A node with its path, and where to report what is wrong with it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from shortgenius_exporter.config.context import Context
from shortgenius_exporter.config.nodes import Mapping, Node, Scalar, Sequence
from shortgenius_exporter.config.problems import RefusedError
from shortgenius_exporter.config.scalars import kind_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names a mapping may hold, and where names belong that are often put there by mistake."""

    names: Collection[str]
    elsewhere: Mapping_[str, str]

    def advice(self, name: str) -> str:
        """What may be meant by an unknown ``name``, to follow a message."""
        if name in self.elsewhere:
            return f": it belongs {self.elsewhere[name]}"
        word = name.partition(":")[0]
        if word != name and word in self.names:
            return ": write a space after the colon"
        near = difflib.get_close_matches(name.lower().replace("-", "_"), self.names, n=1, cutoff=0.7)
        return f": did you mean {near[0]}?" if near else f": expected one of {', '.join(self.names)}"


class Cursor(NamedTuple):
    """Where decoding is: a node, and how it was reached.

    ``key``: the node that names this value in a mapping; ``position``: its place in a list, from 0.
    """

    node: Node
    context: Context
    parent: Cursor | None = None
    key: Scalar | None = None
    position: int | None = None

    @property
    def path(self) -> str:
        """As ``accounts[1].poll_interval``."""
        above = self.parent.path if self.parent else ""
        if self.key is None:
            return above if self.position is None else f"{above}[{self.position}]"
        part = self.key.text if re.fullmatch(r"[\w-]+", self.key.text) else json.dumps(self.key.text)
        return f"{above}.{part}" if above else part

    def problem(self, message: str) -> None:
        self.context.report.add(message, path=self.path, line=self.node.line, column=self.node.column)

    def key_problem(self, message: str) -> None:
        """A problem of the name rather than of the value."""
        place = self.key or self.node
        self.context.report.add(message, path=self.path, line=place.line, column=place.column)

    def decode(self, decoder: Callable[[Cursor], T]) -> T | None:
        """``None`` if the decoder refuses, which is then reported here."""
        try:
            return decoder(self)
        except RefusedError as refusal:
            self.problem(str(refusal))
            return None

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, Scalar) and kind_of(self.node) == "null"

    def scalar(self, wanted: str) -> Scalar:
        """The node, if it is one value; else refuses, and says what was ``wanted``."""
        if isinstance(self.node, Scalar):
            return self.node
        raise RefusedError(f"is {describe(self.node)}: expected {wanted}")

    def items(self, wanted: str) -> Iterator[Cursor]:
        """The items of a list; else refuses, and says what was ``wanted``."""
        if not isinstance(self.node, Sequence):
            raise RefusedError(f"is {describe(self.node)}: expected {wanted}")
        return (Cursor(node, self.context, self, position=position) for position, node in enumerate(self.node.items))

    def entries(self, wanted: str, known: Vocabulary | None = None) -> dict[str, Cursor]:
        """By name. Duplicate and unknown names are reported; ``<<`` adds names that are not there already."""
        if not isinstance(self.node, Mapping):
            raise RefusedError(f"is {describe(self.node)}: expected {wanted}")
        found: dict[str, Cursor] = {}
        merged = []
        for key, value in self.node.pairs:
            if not isinstance(key, Scalar):
                self._at(key).problem(f"a name cannot be {describe(key)}: write NAME: VALUE")
            elif key.text == "<<" and key.plain:
                merged.append(value)
            elif known is not None and key.text not in known.names:
                self._unknown(key, known)
            else:
                self._enter(found, key, value)
        for value in merged:
            found = self._merge(value, known) | found
        return found

    def _at(self, node: Node) -> Cursor:
        return Cursor(node, self.context, self)

    def _enter(self, found: dict[str, Cursor], key: Scalar, value: Node) -> None:
        entry = Cursor(value, self.context, self, key)
        first = found.setdefault(key.text, entry)
        if first is not entry and first.key is not None:
            entry.key_problem(f"is given twice, first on line {first.key.line}: keep one")

    def _unknown(self, key: Scalar, known: Vocabulary) -> None:
        """A name is repeated only if it is words: a misplaced API key must not be."""
        shown = re.fullmatch(r"[A-Za-z]{1,20}([_-][A-Za-z]{1,20}){0,3}", key.text) is not None
        name = Cursor(key, self.context, self, key if shown else None)
        name.problem(f"unknown setting{known.advice(key.text)}")

    def _merge(self, value: Node, known: Vocabulary | None) -> dict[str, Cursor]:
        """Of several mappings, the first that has a name gives its value."""
        found: dict[str, Cursor] = {}
        for node in value.items if isinstance(value, Sequence) else [value]:
            entries = self._at(node).decode(lambda cursor: cursor.entries("a mapping to merge (<<)", known))
            found = (entries or {}) | found
        return found


def describe(node: Node) -> str:
    """What ``node`` is, in words for the operator."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    kind = kind_of(node)
    return "empty" if kind == "null" else kind
