"""Credits consumed and granted, from balances alone.

Invariant, per credit type and over any sequence of answers: the balance has moved by granted - consumed since
the type was first seen. What happens while a type is missing from the answers is counted when it is back.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shortgenius_exporter.core.balance import Balance


@dataclass(frozen=True, slots=True)
class Entry:
    """One credit type's line: amounts in credits, times in Unix seconds.

    ``reported`` says whether the last answer had the type; ``last_grant`` is ``None`` until one was seen.
    """

    balance: float
    first_seen: float
    last_seen: float
    consumed: float = 0.0
    granted: float = 0.0
    last_grant: float | None = None
    reported: bool = True


Ledger = Mapping[str, Entry]


def observe(ledger: Ledger, balance: Balance, now: float, max_types: int) -> tuple[Ledger, int]:
    """The ledger after one answer, and how many of the answer's types had no room in it.

    A type once seen keeps its place, so an upstream that invents names cannot grow the ledger past ``max_types``.
    """
    after = {name: _after(entry, balance.credits.get(name), now) for name, entry in ledger.items()}
    refused = 0
    for name, credits in balance.credits.items():
        if name in after:
            continue
        if len(after) < max_types:
            after[name] = Entry(credits, first_seen=now, last_seen=now)
        else:
            refused += 1
    return after, refused


def _after(entry: Entry, credits: float | None, now: float) -> Entry:
    if credits is None:
        return replace(entry, reported=False) if entry.reported else entry
    change = credits - entry.balance
    if change > 0:
        granted = _total(entry.granted, change)
        return Entry(credits, entry.first_seen, now, entry.consumed, granted, last_grant=now)
    return Entry(credits, entry.first_seen, now, _total(entry.consumed, -change), entry.granted, entry.last_grant)


def _total(so_far: float, amount: float) -> float:
    """Always finite: a few absurd answers must not make a number that JSON cannot carry."""
    return min(so_far + amount, sys.float_info.max)
