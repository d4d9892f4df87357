"""How an account stands: whether it can be trusted, what is low, how long it will last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.snapshot import Snapshot

# Fewer polls say too little about a pace.
_POLLS_FOR_A_PACE = 15
# An action costs at least one credit.
_ENOUGH_FOR_ANYTHING = 1.0


class State(StrEnum):
    """Worst first. ``critical`` and ``warning``: below a threshold of that severity; any other is a warning."""

    DOWN = "down"
    EXHAUSTED = "exhausted"
    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


SEVERITY = {state: rank for rank, state in enumerate(State)}


def state_of(snapshot: Snapshot, now: float) -> State:
    """``down``: the last poll failed. ``unknown``: none has ended yet, or none within ``stale_after``."""
    if snapshot.up is False:
        return State.DOWN
    if snapshot.up is None or not snapshot.is_fresh(now):
        return State.UNKNOWN
    levels = (level_of(snapshot.account, name, entry) for name, entry in snapshot.ledger.items() if entry.reported)
    return min(levels, key=SEVERITY.__getitem__, default=State.OK)


def level_of(account: Account, credit_type: str, entry: Entry) -> State:
    """One balance against its thresholds. A plan may have none of a type: it is exhausted only if it matters."""
    own = [one for one in account.thresholds if one.credit_type == credit_type]
    if entry.balance < _ENOUGH_FOR_ANYTHING and (own or entry.consumed):
        return State.EXHAUSTED
    severities = {one.severity for one in own if entry.balance < one.credits}
    if "critical" in severities:
        return State.CRITICAL
    return State.WARNING if severities else State.OK


def crossed(thresholds: Iterable[Threshold], credit_type: str, balance: float) -> Threshold | None:
    """The lowest threshold that the balance is under: the gravest."""
    under = [one for one in thresholds if one.credit_type == credit_type and balance < one.credits]
    return min(under, key=lambda one: one.credits, default=None)


def runway(entry: Entry, poll_interval: float) -> float | None:
    """Seconds until nothing is left, at the average pace since the type was first seen.

    Infinite while nothing is consumed; ``None`` while fewer than fifteen poll intervals were seen.
    """
    seen = entry.last_seen - entry.first_seen
    if seen < _POLLS_FOR_A_PACE * poll_interval:
        return None
    return entry.balance * seen / entry.consumed if entry.consumed else math.inf


def shortest_runway(snapshot: Snapshot, now: float) -> float | None:
    """Of the types that are reported and fresh; ``None`` if no runway is known."""
    if not snapshot.is_fresh(now):
        return None
    interval = snapshot.account.poll_interval
    found = (runway(entry, interval) for entry in snapshot.ledger.values() if entry.reported)
    return min((one for one in found if one is not None), default=None)
