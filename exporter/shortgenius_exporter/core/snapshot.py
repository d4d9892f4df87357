"""The immutable published state of one account; everything that is served is derived from snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Ledger, observe
from shortgenius_exporter.core.reason import Reason

_NONE: Mapping[Reason, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last poll failed: ``message`` in words for people, without secrets."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of one account. ``None`` means not known yet, never zero.

    ``up``: whether the last poll succeeded. ``polled_at``, ``last_success``: Unix seconds. ``last_duration``:
    seconds. ``requests``: polls finished. ``failures``: failed polls; a reason that is absent never happened.
    ``ignored_fields``: fields of the last answer that are not exported. ``failure``: set while ``up`` is false.
    """

    account: Account
    ledger: Ledger = field(default_factory=dict)
    up: bool | None = None
    polled_at: float | None = None
    last_success: float | None = None
    last_duration: float | None = None
    requests: int = 0
    failures: Mapping[Reason, int] = field(default_factory=lambda: _NONE)
    ignored_fields: int | None = None
    failure: Failure | None = None

    def is_fresh(self, now: float) -> bool:
        """Whether the balances may still be shown: the last success is younger than ``stale_after``."""
        return self.last_success is not None and now < self.last_success + self.account.stale_after


def succeeded(before: Snapshot, balance: Balance, now: float, duration: float, max_types: int) -> Snapshot:
    """The snapshot after a poll that ended at ``now`` (Unix seconds) with ``balance``, after ``duration`` seconds."""
    ledger, refused = observe(before.ledger, balance, now, max_types)
    return replace(
        before,
        ledger=ledger,
        up=True,
        polled_at=now,
        last_success=now,
        last_duration=duration,
        requests=before.requests + 1,
        ignored_fields=balance.ignored + refused,
        failure=None,
    )


def failed(before: Snapshot, failure: Failure, now: float, duration: float) -> Snapshot:
    """The snapshot after a poll that failed. The ledger stays; how long it is shown, ``is_fresh`` says."""
    return replace(
        before,
        up=False,
        polled_at=now,
        last_duration=duration,
        requests=before.requests + 1,
        failures={**before.failures, failure.reason: before.failures.get(failure.reason, 0) + 1},
        failure=failure,
    )
