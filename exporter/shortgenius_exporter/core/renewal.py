"""When an account's balances are next reset by its subscription."""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class MonthlyRenewal:
    """At midnight of ``day`` (1 to 31, clamped to the month's last) in ``timezone``, an IANA name."""

    day: int
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class PeriodicRenewal:
    """Every ``every`` seconds, counted from ``start`` (Unix seconds)."""

    every: float
    start: float


Renewal = MonthlyRenewal | PeriodicRenewal


def next_renewal(renewal: Renewal, now: float) -> float:
    """The first renewal after ``now``, in Unix seconds."""
    if isinstance(renewal, PeriodicRenewal):
        periods = max(math.floor((now - renewal.start) / renewal.every) + 1, 0)
        following = renewal.start + periods * renewal.every
        # Rounding may land on the renewal that is just over.
        return following if following > now else following + renewal.every
    today = datetime.fromtimestamp(now, ZoneInfo(renewal.timezone))
    this_month = _in_month(renewal, today.year, today.month)
    if this_month > now:
        return this_month
    return _in_month(renewal, today.year + today.month // 12, today.month % 12 + 1)


def _in_month(renewal: MonthlyRenewal, year: int, month: int) -> float:
    day = min(renewal.day, calendar.monthrange(year, month)[1])
    return datetime(year, month, day, tzinfo=ZoneInfo(renewal.timezone)).timestamp()
