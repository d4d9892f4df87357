"""What outlives the process: pure values, and what follows from them after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.ledger import Entry, Ledger
from shortgenius_exporter.core.snapshot import Snapshot

KEPT_AFTER_LEAVING = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """One account, known by its name. Times are Unix seconds; ``left_at``: when it was found to be configured no more.

    Counts of requests and failures are about the process, not about credits: they start at 0 with it.
    """

    ledger: Ledger = field(default_factory=dict)
    last_success: float | None = None
    left_at: float | None = None


def remembered(snapshot: Snapshot) -> Remembered:
    """What of ``snapshot`` is to outlive the process."""
    return Remembered(snapshot.ledger, snapshot.last_success)


def recalled(account: Account, known: Remembered, now: float) -> Snapshot:
    """The snapshot with which ``account`` begins after a restart: its counters go on where they were.

    Its balance is as old as the last success says, and is shown until ``stale_after``, as if the process had never
    ended. A last success in the future (the clock was wrong) counts as none.
    """
    last_success = known.last_success
    if last_success is not None and last_success > now:
        last_success = None
    return Snapshot(account, ledger=known.ledger, last_success=last_success)


def has_moved(before: Ledger, after: Ledger) -> bool:
    """Whether a balance or a total differs: such a change must be saved before it is served. Times need not be."""
    if before is after:
        return False
    return len(before) != len(after) or any(_amounts(before.get(name)) != _amounts(after[name]) for name in after)


def without_departed(
    known: Mapping[str, Remembered], configured: Set[str], now: float
) -> tuple[dict[str, Remembered], set[str]]:
    """Those of ``known`` that have just left, with the time set, and the names whose time is over.

    The time counts from when the exporter first finds an account gone, as it cannot know of the time before.
    """
    gone = {name: one for name, one in known.items() if name not in configured}
    left = {name: replace(one, left_at=now) for name, one in gone.items() if one.left_at is None}
    over = {name for name, one in gone.items() if one.left_at is not None and now - one.left_at >= KEPT_AFTER_LEAVING}
    return left, over


def _amounts(entry: Entry | None) -> tuple[float, ...] | None:
    return None if entry is None else (entry.balance, entry.consumed, entry.granted)
