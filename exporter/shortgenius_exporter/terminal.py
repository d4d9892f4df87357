"""Balances as a table that a person likes to read, what to do about failures, and how far we are."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TextIO

from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.core.standing import crossed
from shortgenius_exporter.words import amount, printable

_RED, _YELLOW, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"
_COLOURS = {"critical": _RED, "warning": _YELLOW}
_CLEAR_LINE = "\r\x1b[K"
_NAMED = 3
# Seconds: who waits less wants no progress; nobody reads faster.
_SOONEST, _PAUSE = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[str, str, str, str]
    colour: str = ""


_HEADINGS = Row(("ACCOUNT", "CREDIT TYPE", "BALANCE", "STATE"), _BOLD)


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Colour only on a terminal, and not under NO_COLOR (no-color.org) or TERM=dumb."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def table(snapshots: Iterable[Snapshot], *, colour: bool, columns: int | None = None) -> str:
    """One line per account and credit type, balances right-aligned.

    Where that is wider than ``columns``, each account has a line of its own and its balances stand below.
    """
    rows = [row for snapshot in snapshots for row in _rows(snapshot)]
    widths = [max(_width(row.cells[column]) for row in (_HEADINGS, *rows)) for column in range(4)]
    if columns is not None and sum(widths) + 6 > columns:
        return "".join(_stacked(rows, columns, colour=colour))
    return "".join(_painted(_line(row.cells, widths), row.colour, colour=colour) for row in (_HEADINGS, *rows))


def hints(snapshots: Iterable[Snapshot]) -> Iterator[str]:
    """What to do about the failures: one line for each remedy, with the accounts that need it."""
    needing: dict[str, list[str]] = {}
    for snapshot in snapshots:
        if snapshot.failure is not None:
            remedy = advice(snapshot.account, snapshot.failure.reason)
            needing.setdefault(remedy, []).append(printable(snapshot.account.name))
    for remedy, names in needing.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{', '.join(names[:_NAMED])}{more}: {printable(remedy)}."


def with_progress(
    found: Iterable[Snapshot], total: int, stream: TextIO, monotonic: Callable[[], float]
) -> Iterator[Snapshot]:
    """``found``, counted on one line of ``stream`` if that is a terminal and it takes a while."""
    if not stream.isatty():
        yield from found
        return
    due = monotonic() + _SOONEST
    shown = ""
    for count, one in enumerate(found, start=1):
        if count < total and monotonic() >= due:
            due = monotonic() + _PAUSE
            shown = _CLEAR_LINE
            print(f"{_CLEAR_LINE}{count} of {total} accounts asked", end="", file=stream, flush=True)
        yield one
    print(shown, end="", file=stream, flush=True)


def _rows(snapshot: Snapshot) -> Iterator[Row]:
    name = printable(snapshot.account.name)
    if snapshot.failure is not None:
        yield Row((name, "-", "-", snapshot.failure.message), _RED)
        return
    for credit_type, entry in sorted(snapshot.ledger.items()):
        below = crossed(snapshot.account.thresholds, credit_type, entry.balance)
        state = f"below {below.severity} {amount(below.credits)}" if below else "ok"
        colour = _COLOURS.get(below.severity, _YELLOW) if below else ""
        yield Row((name, credit_type, amount(entry.balance), state), colour)
    if not snapshot.ledger:
        yield Row((name, "-", "-", "the answer has no balances"), _YELLOW)


def _line(cells: tuple[str, str, str, str], widths: list[int]) -> str:
    name, credit_type, balance, state = cells
    return "  ".join(
        (_padded(name, widths[0]), _padded(credit_type, widths[1]), f"{balance:>{widths[2]}}", state)
    ).rstrip()


def _stacked(rows: list[Row], columns: int, *, colour: bool) -> Iterator[str]:
    widths = [0, *(max((_width(row.cells[column]) for row in rows), default=0) for column in (1, 2))]
    for name, below in groupby(rows, key=lambda row: row.cells[0]):
        yield _painted(name, _BOLD, colour=colour)
        for row in below:
            if row.cells[1] == "-":
                text = textwrap.fill(row.cells[3], max(columns, 20), initial_indent="  ", subsequent_indent="  ")
            else:
                text = _line(("", *row.cells[1:]), widths)
            yield _painted(text, row.colour, colour=colour)


def _painted(text: str, paint: str, *, colour: bool) -> str:
    return f"{paint}{text}{_PLAIN}\n" if colour and paint else f"{text}\n"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns of a terminal: two for wide letters, none for marks that combine."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
