"""What happened between two snapshots of an account that an operator wants a line about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Change:
    """A log line: its level as in ``logging``, its words and its fields."""

    level: int
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)


def changes(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """State changes only, never one per poll; a failing account has a line again when its reason changes."""
    yield from _health(before, after)
    yield from _types(before, after)
    yield from _grants(before, after)


def _health(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    old = before.failure.reason if before.failure else None
    if after.failure is not None and after.failure.reason is not old:
        reason = after.failure.reason
        fields = {"reason": reason.value, "error": after.failure.message, "advice": advice(after.account, reason)}
        yield Change(logging.WARNING, "account is failing", fields)
    elif after.up and before.up is False:
        yield Change(logging.INFO, "account has recovered")
    elif after.up and before.up is None:
        balances = {f"balance_{name}": entry.balance for name, entry in after.ledger.items() if entry.reported}
        yield Change(logging.INFO, "account answers", balances)


def _types(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for name, entry in after.ledger.items():
        known = before.ledger.get(name)
        was_reported = known is not None and known.reported
        if was_reported and not entry.reported:
            yield Change(logging.WARNING, "credit type has vanished", {"credit_type": name, "last": entry.balance})
        elif entry.reported and not was_reported and before.last_success is not None:
            yield Change(logging.INFO, "credit type has appeared", {"credit_type": name, "balance": entry.balance})


def _grants(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for name, entry in after.ledger.items():
        known = before.ledger.get(name)
        if known is not None and entry.granted > known.granted:
            fields = {"credit_type": name, "granted": entry.granted - known.granted, "balance": entry.balance}
            yield Change(logging.INFO, "credits were granted", fields)
