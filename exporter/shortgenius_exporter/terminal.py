"""Balances as a table that a person likes to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.core.standing import crossed
from shortgenius_exporter.words import amount, printable

_HEADINGS = ("ACCOUNT", "CREDIT TYPE", "BALANCE", "STATE")
_RED, _YELLOW, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"
_COLOURS = {"critical": _RED, "warning": _YELLOW}


@dataclass(frozen=True, slots=True)
class Row:
    cells: tuple[str, str, str, str]
    colour: str = ""


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Colour only on a terminal, and not under NO_COLOR (no-color.org) or TERM=dumb."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def table(snapshots: Iterable[Snapshot], *, colour: bool) -> str:
    """One line per account and credit type, balances right-aligned."""
    rows = [Row(_HEADINGS, _BOLD), *(row for snapshot in snapshots for row in _rows(snapshot))]
    widths = [max(len(row.cells[column]) for row in rows) for column in range(3)]
    return "".join(_line(row, widths, colour=colour) for row in rows)


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


def _line(row: Row, widths: list[int], *, colour: bool) -> str:
    name, credit_type, balance, state = row.cells
    text = f"{name:<{widths[0]}}  {credit_type:<{widths[1]}}  {balance:>{widths[2]}}  {state}".rstrip()
    return f"{row.colour}{text}{_PLAIN}\n" if colour and row.colour else f"{text}\n"
