"""YAML text -> nodes that know their place.

Over the parser's events rather than over ``yaml.compose()``: faster for 10,000 accounts, aliases cannot loop
or explode, and deep nesting is an error where PyYAML's composer for the C library crashes the process.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml import events

from shortgenius_exporter.config.problems import Report

MAX_DEPTH = 50
MAX_ALIASED = 1_000_000
FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_TABS = "indent with spaces, not tabs"
_HINTS = {
    "cannot start any token": "quote a value that starts with this character",
    "tab character": _NO_TABS,
    "mapping values are not allowed": 'quote a value that holds ": ", and check the indentation',
    "end of stream": "close the quote or bracket",
    "node content": "close the quote or bracket",
    "stream end": "close the quote or bracket",
    "expected key": "check the indentation and the brackets around this line",
    "block end": "check the indentation and the brackets around this line",
    "'-' indicator": "check the indentation around this line",
    "expected ':'": "write each setting as NAME: VALUE",
    "expected ',' or": "close the bracket, and put a comma between entries",
    "directive": "remove the line that starts with %",
    "tag handle": "quote the text",
    "escape": "use single quotes, or write each backslash twice",
}


class Scalar(NamedTuple):
    """Text. ``plain``: written without quotes, so YAML may take it for a number, a date, true, null..."""

    line: int
    column: int
    text: str
    plain: bool


@dataclass(slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: list[Node]


@dataclass(slots=True)
class Mapping:
    """Names and values, in the order of the text; a name may stand in it twice."""

    line: int
    column: int
    pairs: list[tuple[Node, Node]]


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been seen.

    ``size``, ``height``: how many nodes and levels it has, with every alias in it written out.
    """

    start: Any
    children: list[Node]
    size: int = 1
    height: int = 1


def parse(data: bytes, report: Report, loader: Any = FAST_LOADER) -> Node | None:
    """The one document in ``data``, ``None`` if there is none. Raises ``ConfigError`` at a syntax error."""
    text = _decode(data, report)
    try:
        return _Composer(report).compose(iter(loader(text).get_event, None))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        report.fail(_explain(error, text), line=line, column=column)
    except (ValueError, OverflowError):
        # The pure parser's, of an escape such as "\\UFFFFFFFF".
        report.fail("not valid YAML: a character escape means no character", line=1, column=1)


def _decode(data: bytes, report: Report) -> str:
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(error.object[: error.start].decode("utf-8", errors="replace"))
        report.fail("is not UTF-8 text: save the file as UTF-8", line=line, column=column)
    if control := _CONTROL.search(text):
        line, column = _place(text[: control.start()])
        message = f"control character U+{ord(control[0]):04X} is not allowed: remove it"
        report.fail(message, line=line, column=column)
    return text


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """The parser's own words, without what it may quote of a value, and what to do about it."""
    said = re.sub(r"(tag handle|version) .*", r"\1", f"{error.problem or 'unreadable'} {error.context or ''}")
    said = said.removesuffix("while scanning for the next token")
    start, mark = error.context_mark, error.problem_mark
    since = f" that starts on line {start.line + 1}" if start and "end of stream" in said else ""
    hint = next((hint for words, hint in _HINTS.items() if words in said), "")
    if mark and text[mark.index : mark.index + 1] == "\t":
        hint = _NO_TABS
    return ": ".join(filter(None, ("not valid YAML", said.strip() + since, hint)))


class _Composer:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._aliased = 0
        self._texts: dict[str, str] = {}
        self._root: Node | None = None

    def compose(self, stream: Iterable[Any]) -> Node | None:
        for event in stream:
            kind = type(event)
            if kind is events.ScalarEvent:
                self._add(event.anchor, self._scalar(event), 1, 0)
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                self._begin(event)
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                self._end()
            elif kind is events.AliasEvent:
                self._alias(event)
            elif kind is events.DocumentStartEvent and self._root is not None:
                self._fail(event, "a second YAML document starts here: keep one, without a --- line between")
        return self._root

    def _add(self, anchor: str | None, node: Node, size: int, height: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, size, height
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.children.append(node)
        parent.size += size
        if height >= parent.height:
            parent.height = height + 1

    def _scalar(self, event: Any) -> Scalar:
        mark, text, plain = event.start_mark, event.value, event.implicit[0]
        if event.tag is not None:
            self._check_tag(event)
        if not text.isascii() and _SURROGATE.search(text):
            self._fail(event, "holds half of a surrogate pair: write the character itself")
        # Thousands of accounts say the same again and again.
        return Scalar(mark.line + 1, mark.column + 1, self._texts.setdefault(text, text), plain)

    def _begin(self, event: Any) -> None:
        if event.tag is not None:
            self._check_tag(event)
        self._open.append(_Open(event, []))
        if len(self._open) > MAX_DEPTH:
            self._fail(event, f"nested more than {MAX_DEPTH} levels deep: check the brackets and the indentation")

    def _end(self) -> None:
        done = self._open.pop()
        mark, children = done.start.start_mark, done.children
        node: Node
        if type(done.start) is events.SequenceStartEvent:
            node = Sequence(mark.line + 1, mark.column + 1, children)
        else:
            pairs = list(zip(children[::2], children[1::2], strict=True))
            node = Mapping(mark.line + 1, mark.column + 1, pairs)
        self._add(done.start.anchor, node, done.size, done.height)

    def _alias(self, event: Any) -> None:
        if any(event.anchor == collection.start.anchor for collection in self._open):
            self._fail(event, "this alias (*) stands inside its own anchor (&): write out what it means")
        if event.anchor not in self._anchors:
            self._fail(event, "this alias (*) has no anchor (&) before it: define the anchor, or quote the text")
        node, size, height = self._anchors[event.anchor]
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            self._fail(event, f"aliases unfold to more than {MAX_ALIASED} values: write fewer aliases of aliases")
        if len(self._open) + height > MAX_DEPTH:
            self._fail(event, f"aliases unfold to more than {MAX_DEPTH} levels: write fewer aliases of aliases")
        self._add(None, node, size, height)

    def _check_tag(self, event: Any) -> None:
        if event.tag != "tag:yaml.org,2002:str":
            self._fail(event, "a YAML tag (!) is not supported: remove it, or quote the text")

    def _fail(self, event: Any, message: str) -> None:
        self._report.fail(message, line=event.start_mark.line + 1, column=event.start_mark.column + 1)
