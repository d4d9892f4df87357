"""Scalars -> values. Each decoder raises ``RefusedError`` with what is wrong and what to write instead."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from shortgenius_exporter.config.cursor import Cursor
from shortgenius_exporter.config.durations import format_duration, parse_duration
from shortgenius_exporter.config.problems import RefusedError
from shortgenius_exporter.config.scalars import kind_of

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")


def text(cursor: Cursor, *, secret: bool = False) -> str:
    """Text that is not empty. What YAML would read as a number, a date, true... is refused."""
    node = cursor.scalar("text")
    kind = kind_of(node)
    if kind != "text" and node.text:
        example = "" if secret else f": {json.dumps(node.text)}"
        raise RefusedError(f"is {kind} to YAML: put it in quotes{example}")
    if not node.text.strip():
        raise RefusedError("is empty: give a value")
    return node.text


def secret_text(cursor: Cursor) -> str:
    """Like :func:`text`; no message repeats the value."""
    return text(cursor, secret=True)


def path(cursor: Cursor) -> Path:
    """Relative to the configuration file's directory."""
    value = text(cursor)
    if "\0" in value:
        raise RefusedError("holds a null character: remove it")
    return cursor.context.directory / value


def unusable_file(cursor: Cursor, detail: str) -> RefusedError:
    """``detail`` follows the name of a file that ``cursor`` gives."""
    relative = not Path(cursor.scalar("text").text).is_absolute()
    if relative and detail.startswith("does not exist"):
        return RefusedError(f"{detail} (relative to the directory of the configuration file)")
    return RefusedError(detail)


def duration(smallest: float, largest: float) -> Callable[[Cursor], float]:
    """A decoder of durations between two bounds, all in seconds."""

    def decode(cursor: Cursor) -> float:
        seconds = parse_duration(cursor.scalar("a duration such as 30s").text)
        if seconds < smallest:
            raise RefusedError(f"is too short: the shortest is {format_duration(smallest)}")
        if seconds > largest:
            raise RefusedError(f"is too long: the longest is {format_duration(largest)}")
        return seconds

    return decode


def integer(smallest: int, largest: int) -> Callable[[Cursor], int]:
    """A decoder of whole numbers between two bounds."""
    wanted = f"a whole number from {smallest} to {largest}"

    def decode(cursor: Cursor) -> int:
        value = _unquoted(cursor, wanted)
        if not _INTEGER.fullmatch(value) or not smallest <= int(value) <= largest:
            raise RefusedError(f"must be {wanted}")
        return int(value)

    return decode


def amount(cursor: Cursor) -> float:
    """A finite number, zero or more."""
    wanted = "a number, 0 or more"
    value = _unquoted(cursor, wanted)
    if not _NUMBER.fullmatch(value) or not math.isfinite(number := float(value)) or number < 0:
        raise RefusedError(f"must be {wanted}")
    return number


def _unquoted(cursor: Cursor, wanted: str) -> str:
    node = cursor.scalar(wanted)
    if not node.plain:
        raise RefusedError(f"is text: expected {wanted}, without quotes")
    return node.text


def day(cursor: Cursor) -> date:
    node = cursor.scalar("a date such as 2026-01-15")
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.text):
            return date.fromisoformat(node.text)
    except ValueError:
        raise RefusedError("is not a day of the calendar: check the month and the day") from None
    raise RefusedError("is not a date: write it as 2026-01-15")
